"""Examination of pickled files without executing code from them, and the command that makes a safe file."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["safe_command"]

WRAPPERS = ("state_dict", "model_state_dict", "model", "ema", "model_ema", "net", "network", "module")


def safe_command(path: Path) -> str | None:
    """Return one line that says why a file of `torch.save` is refused, and the command that makes a safe file of it.

    Args:
        path: File that `torch.load(weights_only=True)` refuses.

    Returns:
        The line; None where the file has no pickled object.
    """
    try:
        found = _Outline.read(path)
    except Exception:  # a damaged file can make the reader raise anything
        return None
    taken, what = _taken(found)
    if taken is None:
        return None
    target = f"{path.stem}-weights.pt"
    return (
        f"{path} holds {what}, and reading it executes code from the file: if you trust it, make a safe file with "
        f'`python -c "import torch; m = torch.load({str(path)!r}, weights_only=False, map_location={"cpu"!r}); '
        f'torch.save(m{taken}, {target!r})"`, then pass --weights {target}'
    )


def _taken(found: Any) -> tuple[str | None, str]:
    """Return the expression that takes the state dict out of the object, and what the object is."""
    if isinstance(found, _Stub):
        return ".state_dict()", f"a whole pickled object ({found.class_name})"
    if not isinstance(found, Mapping):
        return None, ""
    for key in (key for key in WRAPPERS if key in found):
        if isinstance(found[key], _Stub):
            return f"[{key!r}].state_dict()", f"a whole pickled object ({found[key].class_name}) as {key!r}"
        if isinstance(found[key], Mapping):
            return f"[{key!r}]", f"other Python objects beside {key!r}"
    return "", "other Python objects"


class _Stub:
    """An object of a pickled file, of which nothing but the class's name is read."""

    class_name = ""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        self.items: dict[Any, Any] = {}

    def __call__(self, *_args: Any, **_kwargs: Any) -> _Stub:
        """Return a stub instead of the result of a function."""
        return _Stub()

    def __setstate__(self, state: Any) -> None:
        """Ignore the state."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Ignore an entry."""

    def append(self, value: Any) -> None:
        """Ignore an entry."""

    def extend(self, values: Any) -> None:
        """Ignore entries."""

    def __hash__(self) -> int:
        return id(self)


class _Dict(dict):  # type: ignore[type-arg]
    """An ordered dict of a pickled file, with attributes that are ignored."""

    def __setstate__(self, state: Any) -> None:
        """Ignore the attributes."""


class _Outline(pickle.Unpickler):
    """A reader of pickled files that makes stubs of all objects, and so executes no code."""

    @classmethod
    def read(cls, path: Path) -> Any:
        """Return the outline of the object in a file of `torch.save`, in its present or its old format."""
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
                with archive.open(name) as file:
                    return cls(file).load()
        with path.open("rb") as file:
            found = cls(file).load()
            if isinstance(found, int):  # the old format: a number, the protocol and the system come first
                for _ in range(3):
                    found = cls(file).load()
            return found

    def find_class(self, module: str, name: str) -> Any:
        """Return a stub class instead of the class or function that the file names."""
        if (module, name) == ("collections", "OrderedDict"):
            return _Dict
        return type(name, (_Stub,), {"class_name": f"{module}.{name}"})

    def persistent_load(self, pid: Any) -> Any:
        """Return the stub class of a module in the old format, and a stub instead of a tensor's storage."""
        return pid[1] if pid[0] == "module" else _Stub()
