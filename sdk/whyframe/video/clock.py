"""Times of frames that never go back, from the times that a stream states."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["StreamClock"]

# The limits by which ffmpeg tells a new time line from times that are only inexact.
_BACK_SECONDS = 0.1
_FORWARD_SECONDS = 10.0


class StreamClock:
    """Continuous time line of one stream of a file.

    Where a file was joined from several (transport streams with ``cat``), the stated times jump; the clock goes on
    from the last frame.

    Args:
        step: Seconds from a frame to the next where the stream does not state it.
        jumps_forward: True for formats, such as MPEG-TS, in which a gap of more than 10 seconds is a new time
            line. In others it is a pause.
        follow: Shifts of another stream of the same file, to be used for the same jumps; None for own shifts.

    Attributes:
        shifts: Seconds to add to the stated times after the first, the second, ... jump.
    """

    def __init__(self, step: float, *, jumps_forward: bool, follow: Sequence[float] | None = None) -> None:
        self.shifts: list[float] = []
        self._step, self._jumps_forward, self._follow = step, jumps_forward, follow
        self._stated: float | None = None
        self._time = -step
        self._origin: float | None = None

    @property
    def origin(self) -> float:
        """Stated time in seconds that counts as zero; 0 where no time is stated."""
        return self._origin or 0.0

    @property
    def last(self) -> float:
        """Time of the last frame in seconds; one step before zero where there was none."""
        return self._time

    def on_time_line(self, stated: float) -> float:
        """Return the time that belongs to a stated time since the last jump, without any effect on the clock."""
        return stated - self.origin + (self.shifts[-1] if self.shifts else 0.0)

    def start(self, stated: float) -> None:
        """Count the times from the given one, unless the clock has started already."""
        if self._origin is None:
            self._origin = stated

    def time(self, stated: float | None) -> float:
        """Return the time of the next frame in seconds, which is later than that of the frame before.

        Args:
            stated: The time in seconds that the stream states; None where it states none.
        """
        after = self._time + self._step
        if stated is None:
            self._time = after
            return after
        self.start(stated)
        if self._jumped(stated):
            own = after + self.origin - stated
            known = self._follow or ()
            self.shifts.append(known[len(self.shifts)] if len(self.shifts) < len(known) else own)
        time = self.on_time_line(stated)
        self._stated, self._time = stated, time if time > self._time else after
        return self._time

    def _jumped(self, stated: float) -> bool:
        if self._stated is None:
            return False
        change = stated - self._stated
        return change < -_BACK_SECONDS or (self._jumps_forward and change > _FORWARD_SECONDS)
