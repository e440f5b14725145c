"""Python files that a command is about to execute: which they are, and whether a run folder may name them.

The settings of a run can name a Python file as its classifier, so a run folder is code. A run folder is *from here*
where `whyframe train` wrote its settings on this machine, for this user, at this path, and nothing has changed them.
A file that another folder's settings name, or that lies in such a folder, is executed only if the user says so.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from whyframe.errors import OutputError, WhyframeError
from whyframe.files import atomic_write

__all__ = [
    "ORIGIN",
    "SETTINGS",
    "UntrustedCode",
    "announce_code",
    "check_code",
    "is_from_here",
    "sign_settings",
]

SETTINGS = "config.json"
"""Name of the settings file in a run folder."""

ORIGIN = ".origin"
"""Name of the file in a run folder that shows where its settings were written."""

_RUN_FILES = ("checkpoint.pt", "log.jsonl", ORIGIN)


class UntrustedCode(WhyframeError):
    """A Python file that a run folder from elsewhere names or contains."""


def announce_code(classifier: str, *, run: Path | None = None, trust: bool = False) -> None:
    """Print the Python file that a classifier is built by, if any, on stderr; see `check_code`.

    Raises:
        UntrustedCode: The file is refused.
    """
    import typer

    file = check_code(classifier, run=run, trust=trust)
    if file is not None and file.is_file():
        typer.echo(f"executing the Python file {file}", err=True)


def check_code(classifier: str, *, run: Path | None = None, trust: bool = False) -> Path | None:
    """Return the Python file that is executed to build a classifier; None where there is none.

    Args:
        classifier: Name of the classifier, as `ClassifierSpec.name`.
        run: Run folder whose settings name the classifier; None where the user names it.
        trust: Accept files of run folders from elsewhere.

    Raises:
        UntrustedCode: The settings of a run folder from elsewhere name the file, or it lies in such a folder.
    """
    name = classifier.rpartition(":")[0]
    if Path(name).suffix != ".py":
        return None
    file = Path(os.path.abspath(name))  # noqa: PTH100 - resolve() would follow links, and hide the given name
    folder = run if run is not None else _enclosing_run(file.resolve())
    if folder is not None and not trust and not is_from_here(folder):
        raise UntrustedCode(
            f"{file} would be executed for {folder}, whose settings `whyframe train` did not write on this machine at "
            "this path: read the file, then give --trust"
        )
    return file


def sign_settings(settings: Path) -> None:
    """Record in a run folder that its settings were written here; where there is no key, nothing is recorded.

    Args:
        settings: The settings file, already written.

    Raises:
        OutputError: The record cannot be written.
    """
    key = _read_key(create=True)
    if key:
        atomic_write(settings.parent / ORIGIN, _signature(key, settings).encode())


def is_from_here(folder: Path) -> bool:
    """Return whether the settings of a run folder were written on this machine, at this path, and are unchanged."""
    key = _read_key(create=False)
    try:
        recorded = (folder / ORIGIN).read_bytes()
        return bool(key) and hmac.compare_digest(recorded, _signature(key, folder / SETTINGS).encode())
    except OSError:
        return False


def _signature(key: bytes, settings: Path) -> str:
    place = os.fsencode(settings.parent.resolve())
    return hmac.new(key, place + b"\0" + settings.read_bytes(), hashlib.sha256).hexdigest()


def _enclosing_run(file: Path) -> Path | None:
    """Return the innermost run folder that contains a file."""
    return next((folder for folder in file.parents if _is_run(folder)), None)


def _is_run(folder: Path) -> bool:
    return (folder / SETTINGS).is_file() and any((folder / name).exists() for name in _RUN_FILES)


def _read_key(*, create: bool) -> bytes:
    """Return this user's secret key; empty where there is none and none can be made."""
    path = _key_path()
    try:
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, secrets.token_hex(32).encode())
            path.chmod(0o600)
        return path.read_bytes()
    except (OSError, OutputError):
        return b""


def _key_path() -> Path:
    """Return ``run-key`` in ``$WHYFRAME_CACHE``, or in ``whyframe`` in the user's cache folder."""
    if os.environ.get("WHYFRAME_CACHE"):
        return Path(os.environ["WHYFRAME_CACHE"]).expanduser() / "run-key"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "whyframe" / "run-key"
