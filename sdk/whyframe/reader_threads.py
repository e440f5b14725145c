"""Threads that may be blocked in a decoder or a driver when the interpreter ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Callable

__all__ = ["end_at_once", "start_reader"]

_LONGEST_READ_SECONDS = 6.0
"""A little more than the time after which a read from the network ends by itself."""

_readers: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_status: list[int] = []


def start_reader(target: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread, because a driver that never returns must not keep the interpreter running.

    A thread that is still inside FFmpeg while the interpreter is torn down would crash it, so the end of the
    interpreter waits for it, for six seconds at most.

    Args:
        target: The function to run.
        name: Name of the thread.
    """
    thread = threading.Thread(target=target, name=name, daemon=True)
    _readers.add(thread)
    thread.start()
    return thread


def end_at_once(status: int | None) -> None:
    """Make the end of the interpreter leave with an exit status rather than wait for threads that are blocked.

    Args:
        status: Exit status of the command, whose output is complete; None to wait after all, in a process that goes on.
    """
    _status[:] = [] if status is None else [status]


@atexit.register
def _wait() -> None:
    blocked = [thread for thread in _readers if thread.is_alive()]
    if blocked and _status:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                stream.flush()
        os._exit(_status[0])
    for thread in blocked:
        thread.join(_LONGEST_READ_SECONDS)
