"""Live sources that are watched, and connected again where that is wanted, while they are read."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from whyframe.errors import OptionError, SourceError, StreamError, one_line
from whyframe.reader_threads import start_reader
from whyframe.video.source import Frame, Source

__all__ = ["LiveSource", "Reconnect"]

# PyAV cannot end a read that is blocked, which ends by its own time limit later; nothing waits for it.
_CLOSE_SECONDS = 0.5
# FFmpeg and PyAV limit the connection to an address; this limits what they do not, such as the search for its name.
_OPEN_SECONDS = 30.0
# After this long a connection counts as sound, and its loss is answered at once again.
_STEADY_SECONDS = 10.0
_NUMBER_OR_ADDRESS = re.compile(r"^\[Errno \d+\] |: '.*'$")


@dataclass(frozen=True)
class Reconnect:
    """Rule by which a lost source is connected again.

    Attributes:
        limit: Seconds without a frame after which the source is given up.
        first_delay: Seconds before the second attempt; the first is made at once, and each further one waits twice
            as long as the one before it.
        longest_delay: Upper limit of that waiting time in seconds.
    """

    limit: float = 300.0
    first_delay: float = 0.5
    longest_delay: float = 30.0

    @classmethod
    def of(cls, value: bool | float) -> Reconnect | None:
        """Return the rule of an option.

        Args:
            value: False for none, True for the default, or the limit in seconds.

        Raises:
            OptionError: The number is not above 0.
        """
        if isinstance(value, bool):
            return cls() if value else None
        if not value > 0:
            raise OptionError(f"reconnect is {value}; give True, False or a number of seconds above 0.")
        return cls(limit=value)

    def delays(self) -> Iterator[float]:
        """Yield the seconds to wait before each attempt, without end."""
        yield 0.0
        delay = self.first_delay
        while True:
            yield min(delay, self.longest_delay)
            delay = min(2 * delay, self.longest_delay)


class LiveSource(Source):
    """Live source that raises an error, or is connected again, where it ends, breaks or stops delivering frames.

    Another thread reads it, so that a read that never returns is noticed, and the newest frame is always the next.

    Args:
        connect: Function that opens the source.
        stall: Seconds without a frame after which the source counts as stalled.
        reconnect: Rule by which the source is connected again; None to raise an error instead.

    Raises:
        SourceError: The source cannot be opened.
    """

    live = True

    def __init__(
        self, connect: Callable[[], Source], *, stall: float, reconnect: Reconnect | None = None
    ) -> None:
        self._connect, self._stall, self._reconnect = connect, stall, reconnect
        self._stopped = threading.Event()
        self._gaps: deque[tuple[int, float]] = deque()
        self._delays = iter(()) if reconnect is None else reconnect.delays()
        self._reader = _Reader(connect)
        first = self._reader.opened(_OPEN_SECONDS)
        self._opened = time.monotonic()
        self.kind, self.size, self.fps, self.decoder = first.kind, first.size, first.fps, first.decoder
        super().__init__(first.name)

    def close(self) -> None:
        """End reading, and close the source where it answers."""
        self.stop()
        self._reader.join(_CLOSE_SECONDS)

    def stop(self) -> None:
        """Make a read that another thread waits for end now."""
        self._stopped.set()
        self._reader.stop()

    def take_gap(self, index: int) -> float | None:
        """Return the seconds for which the source was lost before a frame.

        Args:
            index: Index of the frame; gaps before it are returned only once.
        """
        seconds = 0.0
        while self._gaps and self._gaps[0][0] <= index:
            seconds += self._gaps.popleft()[1]
        return seconds or None

    def _read(self) -> Iterator[Frame]:
        received, connected = 0, self._opened
        while True:
            base, last = received, time.monotonic()
            for frame in self._reader.frames(self._stall):
                last = time.monotonic()
                yield replace(frame, index=base + frame.index, timestamp=last - self._opened)
            if self._stopped.is_set():
                return
            received = base + self._reader.received
            if self._reconnect is not None and time.monotonic() - connected > _STEADY_SECONDS:
                self._delays = self._reconnect.delays()
            self._recover(self._reader.reason, received, last)
            connected = time.monotonic()

    def _recover(self, reason: str, received: int, last: float) -> None:
        """Connect again after the source was lost.

        Args:
            reason: Why it was lost, such as ``"ended"``.
            received: Number of frames that were received before.
            last: Time of the last frame on the monotonic clock.

        Raises:
            StreamError: It may not be connected again, or did not come back in time.
        """
        what = f"{self.name} {reason} after {_frames(received)}"
        if self._reconnect is None:
            raise StreamError(f"{what}; check it, or give --reconnect (reconnect=True).", received)
        self.on_message(f"{what}; connecting again.")
        for attempt, delay in enumerate(self._delays, 1):
            left = last + self._reconnect.limit - time.monotonic()
            if self._stopped.wait(min(delay, max(left, 0))):
                return
            if left <= 0:
                limit = self._reconnect.limit
                raise StreamError(f"{what} and did not come back within {limit:g} s; check it.", received)
            if self._open_again():
                gap = time.monotonic() - last
                self._gaps.append((received, gap))
                attempts = "1 attempt" if attempt == 1 else f"{attempt} attempts"
                self.on_message(f"{self.name} is back after a gap of {gap:.1f} s ({attempts}).")
                return

    def _open_again(self) -> bool:
        """Replace the reader by a new one; return whether the source could be opened."""
        self._reader.stop()
        reader = _Reader(self._connect)
        self._reader = reader
        if self._stopped.is_set():  # `stop` was called while the reader was replaced
            reader.stop()
        try:
            reader.opened(_OPEN_SECONDS)
        except SourceError:
            return False
        return True


class _Reader:
    """Thread that opens and reads a source and holds its newest frame.

    Args:
        connect: Function that opens the source.

    Attributes:
        received: Number of frames that were read.
        reason: What happened to the source, as the predicate of a sentence.
    """

    def __init__(self, connect: Callable[[], Source]) -> None:
        self._connect = connect
        self._changed = threading.Condition()
        self._source: Source | None = None
        self._newest: Frame | None = None
        self._error: BaseException | None = None
        self._ended = self._stopped = False
        self.received = 0
        self.reason = "ended"
        self._thread = start_reader(self._run, "whyframe-read")

    def opened(self, seconds: float) -> Source:
        """Return the source when it is open.

        Args:
            seconds: Longest time to wait.

        Raises:
            SourceError: It cannot be opened, or not in this time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._source or self._ended or self._stopped, seconds)
            if self._error is not None:
                raise self._error
            if self._source is None:
                self._stopped = True
                raise SourceError(
                    f"the source did not open within {seconds:.0f} s; check it and the network."
                )
            return self._source

    def frames(self, stall: float) -> Iterator[Frame]:
        """Yield the newest frame again and again, until the source ends or is stopped.

        Args:
            stall: Seconds without a frame after which the source counts as ended.
        """
        while (frame := self._next(stall)) is not None:
            yield frame

    def stop(self) -> None:
        """End the thread after the read that it is waiting for."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until the source is closed, but not longer than some seconds."""
        self._thread.join(seconds)

    def _next(self, stall: float) -> Frame | None:
        with self._changed:
            arrived = self._changed.wait_for(lambda: self._newest or self._ended or self._stopped, stall)
            if not arrived:
                self.reason = f"stalled (no frame for {stall:g} s)"
                self._stopped = True
            frame, self._newest = self._newest, None
            return None if self._stopped else frame

    def _run(self) -> None:
        try:
            with self._connect() as source:
                with self._changed:
                    self._source = source
                    self._changed.notify_all()
                self._read_all(source)
        except BaseException as error:  # `opened` raises it, or `reason` names it
            self._error = error
            self.reason = _broke(one_line(error))
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _read_all(self, source: Source) -> None:
        for frame in source:
            with self._changed:
                if self._stopped:
                    return
                self._newest, self.received = frame, frame.index + 1
                self._changed.notify_all()
        if source.decoder is not None and source.decoder.broken:
            self.reason = _broke(source.decoder.broken)


def _broke(reason: str) -> str:
    """Return the predicate for an error, without FFmpeg's number and address."""
    return f"broke ({_NUMBER_OR_ADDRESS.sub('', reason)})"


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
