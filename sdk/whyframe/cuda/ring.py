"""Ring of device buffers, which hold results until they are read."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.cuda.driver import Driver, Memory

__all__ = ["Ring", "Slot"]

LENGTH = 8
"""Number of results that can stay on the device. The next result downloads the oldest unread result first."""


class Ring:
    """Device buffers that are used in turn. A result that was not read is downloaded before its buffer is reused.

    Args:
        driver: The device.
        shapes: Shape and dtype of each array of a slot, by name.
        length: Number of slots.
    """

    def __init__(
        self, driver: Driver, shapes: dict[str, tuple[tuple[int, ...], Any]], length: int = LENGTH
    ) -> None:
        self._driver, self._shapes, self._next = driver, shapes, 0
        self._stream = driver.stream()  # a separate stream: reading does not wait for the frame in progress
        self._lock = threading.Lock()
        self._buffers = [
            {name: driver.allocate(_size(shape)) for name, shape in shapes.items()} for _ in range(length)
        ]
        self._holders: list[weakref.ref[Slot] | None] = [None] * length

    def take(self) -> Slot:
        """Return the next slot for a new result. The device's context must be current."""
        index = self._next
        self._next = (index + 1) % len(self._buffers)
        reference = self._holders[index]
        holder = None if reference is None else reference()
        if holder is not None:
            holder.fetch()
        slot = Slot(self, self._buffers[index])
        self._holders[index] = weakref.ref(slot)
        return slot

    def download(self, buffers: dict[str, Memory]) -> dict[str, NDArray[Any]]:
        """Download the arrays of a slot's buffers."""
        with self._lock, self._driver.current():
            arrays = {name: np.empty(shape, dtype) for name, (shape, dtype) in self._shapes.items()}
            for name, array in arrays.items():
                self._driver.download(array, buffers[name].pointer, self._stream)
            self._stream.synchronize()
        return arrays


class Slot:
    """The arrays of one result, on the device until they are fetched.

    Args:
        ring: The ring that owns the buffers.
        buffers: Device memory of each array, by name.
    """

    def __init__(self, ring: Ring, buffers: dict[str, Memory]) -> None:
        self._ring, self._lock = ring, threading.Lock()
        self._buffers: dict[str, Memory] | None = buffers
        self._arrays: dict[str, NDArray[Any]] = {}

    def pointer(self, name: str) -> int | None:
        """Return the device address of an array; None after `fetch`, when the buffer may belong to another result."""
        buffers = self._buffers
        return None if buffers is None else buffers[name].pointer

    def fetch(self) -> dict[str, NDArray[Any]]:
        """Return the arrays as read-only host arrays. The first call downloads them.

        The work that writes the buffers must be complete, as it is when `ExplainEngine.run` returns.
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
