"""Atomic writing of files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from whyframe.errors import OutputError, one_line

__all__ = ["atomic_write"]


def atomic_write(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file so that it is either complete or unchanged: to a temporary name first, which is then renamed.

    Args:
        path: The file to create or to replace.
        data: Complete content of the file.

    Returns:
        The path written.

    Raises:
        OutputError: The folder does not exist, or the file cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise OutputError(
            f"{path.parent} is not a folder, so {path.name} cannot be written; create it first."
        )
    try:
        _replace(path, data)
    except OSError as error:
        reason = one_line(error.strerror or str(error))
        raise OutputError(f"{path} cannot be written ({reason}); choose another path.") from error
    return path


def _replace(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        # mkstemp creates files that only their owner can read; set the mode that open() would have set.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
