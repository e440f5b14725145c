"""Limit of the delay of a live input that is decoded more slowly than it arrives."""

from __future__ import annotations

import time
from collections.abc import Iterator

import av

__all__ = ["Backlog"]

WINDOW_SECONDS = 1.0
"""Length of the stretches over which the waiting time is judged."""

# A decoder that keeps up waits for most packets; one that does not finds each of them waiting for it.
_LEAST_WAITING = 0.05
# A read that takes longer had to wait for the network, so that nothing older is left.
_WAITED_SECONDS = 0.002


class Backlog:
    """Packets of a live input without those that a slow decoder is too late for.

    Without a limit they would pile up on the way, and every frame would be older than the one before it. Where reading
    hardly ever has to wait, all packets that have arrived are dropped, and decoding goes on at the next key frame.

    Attributes:
        dropped: Number of packets that were dropped so far.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._window, self._waited = time.monotonic(), 0.0
        self._late = False

    def newest(self, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        """Yield packets in their order, without those that are too late.

        Args:
            packets: The packets of one video track; the next one is read when it is asked for.
        """
        drained = False
        while True:
            start = time.monotonic()
            packet = next(packets, None)
            if packet is None:
                return
            waited = time.monotonic() - start
            drained = waited > _WAITED_SECONDS or (drained and self._late)
            if packet.size and self._is_late(waited) and not (drained and packet.is_keyframe):
                self.dropped += 1
                continue
            if self._late:
                self._late, self._window, self._waited = False, time.monotonic(), 0.0
            yield packet

    def _is_late(self, waited: float) -> bool:
        self._waited += waited
        now = time.monotonic()
        if not self._late and now - self._window > WINDOW_SECONDS:
            self._late = self._waited < _LEAST_WAITING * (now - self._window)
            self._window, self._waited = now, 0.0
        return self._late
