"""Maps that stay on the device until somebody reads them."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.cuda.driver import Driver, Memory

__all__ = ["Ring", "Slot"]

LENGTH = 8
"""Results that may be unread at once before the oldest one is fetched to make room."""


class Ring:
    """A few device buffers, used in turns; what a result has not read is fetched before its buffer is used again.

    Args:
        driver: The device.
        shapes: Shape and dtype of each array of a slot, by name.
        length: Number of slots.
    """

    def __init__(
        self, driver: Driver, shapes: dict[str, tuple[tuple[int, ...], Any]], length: int = LENGTH
    ) -> None:
        self._driver, self._shapes, self._next = driver, shapes, 0
        self._stream = driver.stream()  # of its own: reading does not wait for the frame in progress
        self._lock = threading.Lock()
        self._buffers = [
            {name: driver.allocate(_size(shape)) for name, shape in shapes.items()} for _ in range(length)
        ]
        self._holders: list[weakref.ref[Slot] | None] = [None] * length

    def take(self) -> Slot:
        """The next slot, for a new result. The device's context must be current."""
        place = self._next
        self._next = (place + 1) % len(self._buffers)
        reference = self._holders[place]
        holder = None if reference is None else reference()
        if holder is not None:
            holder.fetch()
        slot = Slot(self, self._buffers[place])
        self._holders[place] = weakref.ref(slot)
        return slot

    def download(self, buffers: dict[str, Memory]) -> dict[str, NDArray[Any]]:
        """The arrays of a slot's buffers, on the host."""
        with self._lock, self._driver.current():
            arrays = {name: np.empty(shape, dtype) for name, (shape, dtype) in self._shapes.items()}
            for name, array in arrays.items():
                self._driver.download(array, buffers[name].pointer, self._stream)
            self._stream.synchronize()
        return arrays


class Slot:
    """The arrays of one result."""

    def __init__(self, ring: Ring, buffers: dict[str, Memory]) -> None:
        self._ring, self._lock = ring, threading.Lock()
        self._buffers: dict[str, Memory] | None = buffers
        self._arrays: dict[str, NDArray[Any]] = {}

    def pointer(self, name: str) -> int | None:
        """The device address of an array, or None once it was fetched: then the buffer may be another's."""
        buffers = self._buffers
        return None if buffers is None else buffers[name].pointer

    def fetch(self) -> dict[str, NDArray[Any]]:
        """The arrays, read-only, on the host; downloaded the first time.

        What was queued into the buffers must be done: `ExplainEngine.run` returns after it is.
        """
        with self._lock:
            if self._buffers is not None:
                self._arrays = self._ring.download(self._buffers)
                for array in self._arrays.values():
                    array.flags.writeable = False
                self._buffers = None
            return self._arrays


def _size(shape_and_dtype: tuple[tuple[int, ...], Any]) -> int:
    shape, dtype = shape_and_dtype
    return int(np.prod(shape)) * np.dtype(dtype).itemsize
