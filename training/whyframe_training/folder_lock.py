"""Lock of a run folder or a report folder, so that two processes do not write to it at once."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from whyframe.errors import OutputError, WhyframeError
from whyframe.files import atomic_write
from whyframe_training.config import RunError

__all__ = ["HOLDER", "LOCK", "FolderLock", "locked_new_folder"]

LOCK, HOLDER = ".lock", ".lock.holder"
"""Names of the files in a locked folder: the lock, and the name of the process that holds it."""


class FolderLock:
    """Lock of a folder, held from its creation until `release`; the end of the process, however it ends, releases it.

    Args:
        folder: An existing folder.

    Raises:
        OutputError: Another process uses the folder, or no file can be made in it.
    """

    def __init__(self, folder: Path) -> None:
        self._holder = folder / HOLDER
        self._lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise OutputError(
                f"{folder} is in use by {self._read_holder()}: wait until it ends, end it, or give another folder"
            ) from error
        except OSError as error:
            raise OutputError(
                f"cannot write to the folder {folder} ({error.strerror}): choose another place with -o"
            ) from error
        try:
            atomic_write(self._holder, f"process {os.getpid()} on {platform.node()}\n".encode())
        except OutputError:
            self.release()
            raise

    def release(self) -> None:
        """Give the folder free; nothing happens where it is free."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._holder.unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _read_holder(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            return self._holder.read_text(encoding="utf-8")[:200].strip() or "another process"
        return "another process"


@contextmanager
def locked_new_folder(folder: Path) -> Iterator[FolderLock]:
    """Make a folder where it is missing, and lock it; the lock outlives the block.

    An error in the block releases the lock; a `WhyframeError` also removes the folder if it was made here: the
    settings that it left in the folder would make the next attempt with other settings fail.

    Args:
        folder: The folder; its parents are made, too.

    Yields:
        The lock.

    Raises:
        RunError: The folder cannot be made.
        OutputError: Another process uses the folder.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"cannot make the folder {folder} ({error.strerror}): choose another place with -o"
        ) from error
    lock = FolderLock(folder)
    try:
        yield lock
    except BaseException as error:
        if is_new and isinstance(error, WhyframeError):
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        raise
