"""Signals that end a command as Ctrl-C does, so that its output is finished and no temporary file is left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["end_on_signals"]

_NAMES = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP


@contextmanager
def end_on_signals() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise KeyboardInterrupt while a block runs, and exit with 128 + the signal's number.

    A signal that is ignored already stays ignored, as SIGHUP is under ``nohup``. After the first signal further
    ones do nothing, because a service manager or a closing terminal sends several while the output is being finished.

    Raises:
        SystemExit: A signal has come; the status is 143 after SIGTERM and 129 after SIGHUP.
    """
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        if not received:
            received.append(number)
            raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    replaced = [number for number in numbers if before[number] == signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, interrupt)
    try:
        yield
    except (SystemExit, KeyboardInterrupt, OSError):  # an OSError where the terminal is gone
        if received:
            raise SystemExit(128 + received[0]) from None
        raise
    finally:
        for number in replaced:
            signal.signal(number, before[number])
