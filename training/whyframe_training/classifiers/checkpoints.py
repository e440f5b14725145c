"""Reading of weights files: safetensors, and checkpoints of `torch.save` with their wrappers."""

from __future__ import annotations

import argparse
import collections
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whyframe.errors import one_line
from whyframe_training.classifiers.errors import ClassifierError, listing
from whyframe_training.classifiers.pickles import safe_command

__all__ = ["State", "check_file", "kind_of_program", "read_states"]

State = Mapping[str, Tensor]

HOW = "give a state dict in a .safetensors file or written by torch.save"
LFS = b"version https://git-lfs"
KINDS = (
    (b"\x89HDF", "an HDF5 (Keras) file", "whyframe takes PyTorch weights"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    (b"\x93NUMPY", "a NumPy array", HOW),
    (b"\x89PNG", "an image", HOW),
    (b"\xff\xd8\xff", "an image", HOW),
)
"""First bytes of files that are not weights, with what they are and what to do."""

OTHER_STATE = ("optim", "scheduler", "scaler", "rng", "callbacks", "loops")
"""Starts of the names of entries of a checkpoint that hold the state of the training."""

DEEPEST = 4
"""Number of wrappers around a state dict that are searched."""


def read_states(path: Path) -> dict[str, State]:
    """Read the state dicts in a weights file, without executing code from it.

    Args:
        path: A `.safetensors` file, or a file that `torch.save` wrote.

    Returns:
        State dicts by their place in the file: `""` where the file is the state dict itself, `state_dict` or
        `ckpt.model_ema` for entries of wrappers.

    Raises:
        ClassifierError: The file is missing, damaged or of another kind, it has to execute code to be read, or it has
            no state dict.
    """
    check_file(path)
    content = _read(path)
    states = dict(_states(content))
    if not states:
        keys = (
            listing([str(key) for key in content]) if isinstance(content, Mapping) else type(content).__name__
        )
        raise ClassifierError(f"{path} holds no state dict (it holds {keys or 'an empty dict'}): {HOW}")
    return states


def check_file(path: Path) -> None:
    """Refuse what is not a weights file by its first bytes.

    Args:
        path: The file.

    Raises:
        ClassifierError: The file is missing, empty or unreadable, or of a known other kind.
    """
    if path.is_dir():
        inside = sorted(
            p.name for p in path.iterdir() if p.suffix in (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
        )
        raise ClassifierError(
            f"{path} is a folder, not a weights file: give a file in it"
            + (f", such as {listing(inside)}" if inside else "")
        )
    if not path.is_file():
        raise ClassifierError(f"no such weights file {path}: {HOW}")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise ClassifierError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    if not head:
        raise ClassifierError(f"{path} is empty: copy or download it again")
    if head.startswith(LFS):
        raise ClassifierError(
            f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` in its repository"
        )
    if head.lstrip()[:1] == b"<" and (b"<html" in head.lower() or b"<!doctype" in head.lower()):
        raise ClassifierError(
            f"{path} is a web page, not the weights: download the file itself (its raw or download link)"
        )
    if path.suffix.lower() == ".onnx":
        raise ClassifierError(f"{path} is an ONNX file, which has no gradients: {HOW}")
    for magic, kind, advice in KINDS:
        if head.startswith(magic):
            raise ClassifierError(f"{path} is {kind}, not a weights file: {advice}")


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(9)
    if path.suffix.lower() == ".safetensors" or (head[8:] == b"{" and not head.startswith(b"PK")):
        return _read_safetensors(path)
    names = _archive(path) if head.startswith(b"PK") else []
    _check_archive(path, names)
    try:
        with torch.serialization.safe_globals(_harmless()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the file makes the reader raise
        raise ClassifierError(safe_command(path) or _damage(path, head)) from error


def _damage(path: Path, head: bytes) -> str:
    if head.startswith((b"PK", b"\x80")):
        return f"{path} is damaged: copy or download it again"
    return f"{path} is not a weights file: {HOW}"


def _read_safetensors(path: Path) -> State:
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except Exception as error:  # safetensors raises errors of several types
        raise ClassifierError(
            f"{path} is damaged, or not a safetensors file ({one_line(error, 90)}): copy or download it again"
        ) from error


def _archive(path: Path) -> list[str]:
    """Return the names in a zip archive."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        size = path.stat().st_size
        raise ClassifierError(
            f"{path} is damaged: its end is missing after {size:,} bytes; copy or download it again"
        ) from error


def kind_of_program(path: Path) -> str | None:
    """Return `"script"` for a TorchScript file, `"export"` for one of `torch.export`, and None for another file.

    Raises:
        ClassifierError: The file is a damaged archive.
    """
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return None
    ends = {name.rsplit("/", 1)[-1] for name in _archive(path)}
    if "constants.pkl" in ends:
        return "script"
    return "export" if "archive_format" in ends and "data.pkl" not in ends else None


def _check_archive(path: Path, names: list[str]) -> None:
    """Refuse archives that hold a program or something else than a file of `torch.save`."""
    kind = kind_of_program(path) if names else None
    if kind is not None:
        what = {"script": "TorchScript", "export": "torch.export"}[kind]
        raise ClassifierError(f"{path} is a {what} file, a network with its weights: give it to --classifier")
    ends = {name.rsplit("/", 1)[-1] for name in names}
    if names and "data.pkl" not in ends:
        raise ClassifierError(
            f"{path} is a zip archive of {listing(sorted(ends - {''}))}: unpack it first, and {HOW}"
        )


def _harmless() -> list[Any]:
    """Return classes beside the weights in checkpoints that have no effect when they are read."""
    numpy_types = [type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "u1", "?")]
    scalar = np.float64(0).__reduce__()[0]
    old = (scalar, "numpy.core.multiarray.scalar")  # its name before NumPy 2
    return [argparse.Namespace, collections.defaultdict, dict, np.dtype, scalar, old, *numpy_types]


def _states(content: Any, place: str = "", depth: int = 0) -> Iterator[tuple[str, State]]:
    """Yield the dicts with tensors, and their places, except for the state of an optimizer."""
    if not isinstance(content, Mapping) or depth > DEEPEST:
        return
    if any(isinstance(value, Tensor) for value in content.values()) and all(
        isinstance(key, str) for key in content
    ):
        yield place, _tensors(content)
    for key, value in content.items():
        name = str(key)
        if not name.lower().startswith(OTHER_STATE):
            yield from _states(value, f"{place}.{name}" if place else name, depth + 1)


def _tensors(content: Mapping[str, Any]) -> State:
    """Return the tensors of a dict, with the versions of the modules that `torch.save` kept."""
    kept: collections.OrderedDict[str, Tensor] = collections.OrderedDict(
        (key, value) for key, value in content.items() if isinstance(value, Tensor)
    )
    if hasattr(content, "_metadata"):
        kept._metadata = content._metadata  # type: ignore[attr-defined]
    return kept
