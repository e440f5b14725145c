"""Host frames on their way to the device: two buffers in turns, so that one fills while the other is read."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.cuda.driver import Driver, Memory
from whyframe.cuda.frames import DeviceFrame

__all__ = ["Staged", "Staging"]


class Staged:
    """One frame's place: page-locked host memory, device memory, and the two events that guard them."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._host: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._memory: Memory | None = None
        self.source: Any = None
        self.image: NDArray[np.uint8] = self._host
        self.ready, self.consumed = driver.event(), driver.event()

    @property
    def pointer(self) -> int:
        """Device address of the frame."""
        assert self._memory is not None
        return self._memory.pointer

    def host(self, size: int) -> NDArray[np.uint8]:
        """The page-locked side of ``size`` bytes."""
        return self._host[:size]

    def fit(self, size: int) -> NDArray[np.uint8]:
        """The host side for ``size`` bytes; grows, never shrinks."""
        if self._host.size < size:
            self._host = self._driver.pinned((size,), np.uint8)
            self._memory = self._driver.allocate(size)
        return self.host(size)


class Staging:
    """Uploads host frames on a stream of its own.

    Args:
        driver: The device. Its context is current around every call.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver, self._stream = driver, driver.stream()
        self._places = (Staged(driver), Staged(driver))
        self._next = 0
        self._lock = threading.Lock()

    def upload(self, image: NDArray[np.uint8], ahead_of: Any = None) -> Staged:
        """Starts a frame's upload; the caller lets its stream wait for ``ready``.

        Args:
            image: H x W x 3 uint8 BGR, of any strides.
            ahead_of: What `find` will know the place by, where the frame is not explained at once.
        """
        with self._lock:
            place = self._places[self._next]
            self._next = 1 - self._next
        place.ready.synchronize()  # what was there before has arrived, and been read
        place.consumed.synchronize()
        host = place.fit(image.size)
        np.copyto(host.reshape(image.shape), image)
        self._driver.upload(place.pointer, host, self._stream)
        place.ready.record(self._stream)
        place.source, place.image = ahead_of, image
        return place

    def find(self, source: Any) -> Staged | None:
        """The place that this frame was uploaded to ahead of its turn, once."""
        for place in self._places:
            if source is not None and place.source is source:
                place.source = None
                return place
        return None

    def as_frame(self, place: Staged) -> DeviceFrame:
        """The staged copy of a host frame."""
        height, width, _ = place.image.shape
        return DeviceFrame(
            shape=(height, width, 3),
            pointer=place.pointer,
            pitch=3 * width,
            format="bgr",
            driver=self._driver,
        )
