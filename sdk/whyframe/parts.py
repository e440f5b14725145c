"""Temporary files and folders of outputs that are being written, and removal of those that a killed process left."""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

try:
    import fcntl
except ImportError:  # Windows
    _fcntl: ModuleType | None = None
else:
    _fcntl = fcntl

__all__ = ["Part", "lock_part", "sweep_parts"]

_NAME = re.compile(r"^\..+\.(\d+)\.part(\.\w+)?$")
_STARTED = time.time()
_LONGEST_STEM = 180  # bytes, so that the whole name stays below the usual limit of 255


class Part:
    """A temporary file or folder beside an output, locked while this process writes it.

    The operating system releases the lock when the process ends, however it ends.

    Args:
        path: Final path of the output.
        folder: Whether to make a folder rather than a file.

    Attributes:
        path: The temporary path, which exists and is empty.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path, *, folder: bool = False) -> None:
        stem = os.fsencode(path.stem)[:_LONGEST_STEM].decode("ascii", "ignore")
        suffix = "" if folder else path.suffix
        self.path = path.with_name(f".{stem or 'output'}.{os.getpid()}.part{suffix}")
        sweep_parts(path.parent)
        if folder:
            self.path.mkdir()
        else:
            self.path.touch()
        self._lock = _open_locked(self.path)

    def close(self) -> None:
        """Remove the file or folder where it still exists, and the lock. Safe to call twice."""
        _remove(self.path)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sweep_parts(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes left in a folder.

    One is removed where its process no longer runs and nothing holds its lock; the lock tells of processes in other
    containers. What cannot be removed stays, and so does everything on Windows, which has no such locks.

    Args:
        folder: The folder of an output.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = _NAME.match(entry.name)
            if name and _is_dead(int(name[1]), entry):
                descriptor = _open_locked(Path(entry.path))
                if descriptor is not None:
                    _remove(Path(entry.path))
                    os.close(descriptor)


def lock_part(descriptor: int) -> bool:
    """Lock an open temporary file or folder until its descriptor is closed.

    Args:
        descriptor: Descriptor of the file or folder.

    Returns:
        Whether it is locked now; False where another process holds the lock, or the file system has none.
    """
    if _fcntl is None:
        return False
    try:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _open_locked(path: Path) -> int | None:
    """Return the descriptor that holds the lock of a file or folder; None where it cannot be locked."""
    if _fcntl is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    if lock_part(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _is_dead(pid: int, entry: os.DirEntry[str]) -> bool:
    """Return whether the process that made a file no longer runs."""
    if pid == os.getpid():  # in a restarted container, the next process often gets the same id
        return entry.stat().st_mtime < _STARTED
    if _fcntl is None:  # on Windows os.kill ends the process
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    except (OSError, OverflowError):
        return True
    return False
