"""Damaged frames of a video: which were lost or repaired by guess, from the errors and gaps of its decoding."""

from __future__ import annotations

__all__ = ["DamageLog", "describe_damage"]

_MOST_PLACES = 3
# Missing frames are counted up to this number, because a damaged time can be years away.
_MOST_FRAMES = 100_000
# An error and the gap that it causes are this near: the decoder's threads hold some frames back.
_NEAR_SECONDS = 1.0


class DamageLog:
    """Times of the damaged frames of a video.

    A decoder reports an error, but not which frames it cost. The gap in the times of the frames near the error shows
    it; an error without a gap stands for one frame.

    Args:
        step: Seconds from one frame to the next.
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._frames: dict[int, float] = {}
        self._errors: list[float] = []
        self._suspects: list[float] = []
        self._sent: list[float] = []
        self._gap = step

    @property
    def times(self) -> tuple[float, ...]:
        """Times of the damaged frames in seconds, in order."""
        return tuple(sorted(self._frames.values()))

    def packet(self, seconds: float) -> None:
        """Note that the part with the frame of a time was sent to the decoder."""
        self._sent.append(seconds)

    def error(self, seconds: float) -> None:
        """Note a part near a time that could not be read or decoded."""
        if not self._errors or self._errors[-1] != seconds:
            self._errors.append(seconds)

    def suspect(self, seconds: float) -> None:
        """Note a part near a time before which bytes may be missing; without a gap it is no damage."""
        self._suspects.append(seconds)

    def frame(self, before: float, seconds: float, *, corrupt: bool) -> None:
        """Note a decoded frame.

        Args:
            before: Time in seconds of the frame before.
            seconds: Time in seconds of the frame.
            corrupt: True where the decoder replaced a part of it by guess.
        """
        if corrupt:
            self._add(seconds)
            self.suspect(seconds)  # more may be missing beside it
        self._note_undelivered(before, seconds)
        if not self._errors and not self._suspects:
            return
        missing = range(1, min(round((seconds - before) / self._step), _MOST_FRAMES))
        reached = seconds + _NEAR_SECONDS
        if missing and any(noted <= reached for noted in self._errors + self._suspects):
            for number in missing:
                self._add(before + number * self._step)
            # They are explained, but another gap can follow from them.
            self._suspects += [noted for noted in self._errors if noted <= reached]
            self._errors = [noted for noted in self._errors if noted > reached]
        self._expire(before - _NEAR_SECONDS)

    def end(self, last: float, stated: float, *, reliable: bool) -> None:
        """Note the end of the video.

        Args:
            last: Time in seconds of the last frame.
            stated: Time in seconds at which the video ends as the container states it; 0 where it does not.
            reliable: True where an end before the stated time is damage even without an error.
        """
        for sent in self._sent:
            if sent > last + 0.75 * self._gap:
                self._add(sent)
        self._sent = []
        if (reliable and stated - last > _NEAR_SECONDS / 2 + self._step) or self._frames:
            self.suspect(last)
        self.frame(last, stated, corrupt=False)
        self._expire(float("inf"))

    def _note_undelivered(self, before: float, seconds: float) -> None:
        """Count the frames that were sent and never came, which a decoder of damaged bytes need not call an error."""
        quarter = self._step / 4
        lost = [sent for sent in self._sent if before + quarter < sent < seconds - quarter]
        self._sent = [sent for sent in self._sent if sent > seconds + quarter]
        # The two fields of one frame can be sent apart: then every gap holds one, and none is longer.
        if before >= 0 and lost and seconds - before > 1.5 * self._gap:
            for sent in lost:
                self._add(sent)
        elif before >= 0:
            self._gap = seconds - before

    def _expire(self, until: float) -> None:
        """Count each error before a time, for which no frame is missing, as one damaged frame."""
        for noted in self._errors:
            if noted < until:
                self._add(noted)
        self._errors = [noted for noted in self._errors if noted >= until]
        self._suspects = [noted for noted in self._suspects if noted >= until]

    def _add(self, seconds: float) -> None:
        self._frames.setdefault(round(seconds / self._step), seconds)


def describe_damage(times: tuple[float, ...]) -> str:
    """Return how many frames are damaged, and the stretches in which they are.

    Args:
        times: Times of the damaged frames in seconds, in order.
    """
    stretches: list[list[float]] = []
    for seconds in sorted(times):
        if stretches and seconds - stretches[-1][-1] < 1:
            stretches[-1].append(seconds)
        else:
            stretches.append([seconds])
    named = [f"{one[0]:.2f} s" if len(one) == 1 else f"{one[0]:.2f} to {one[-1]:.2f} s" for one in stretches]
    more = f" and {len(named) - _MOST_PLACES} more places" if len(named) > _MOST_PLACES else ""
    frames = "1 frame" if len(times) == 1 else f"{len(times)} frames"
    return f"{frames} at {', '.join(named[:_MOST_PLACES])}{more} could not be decoded whole"
