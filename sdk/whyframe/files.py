"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from whyframe.errors import OutputError, one_line

__all__ = ["atomic_write"]


def atomic_write(path: str | os.PathLike[str], data: bytes) -> Path:
    """Writes ``data`` to a temporary name beside ``path`` and renames it into place.

    Args:
        path: The file to make or to replace.
        data: Its whole content.

    Returns:
        The path written.

    Raises:
        OutputError: The folder does not exist, or the system refuses to write there.
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
        raise OutputError(f"{path} cannot be written ({reason}); choose another place.") from error
    return path


def _replace(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        # mkstemp makes private files; give the mode that open() would have given.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
