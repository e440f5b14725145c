"""Upload of host frames to the device through two buffers: one frame is uploaded while another is processed."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.cuda.driver import Driver, Memory
from whyframe.cuda.frames import DeviceFrame

__all__ = ["Staged", "Staging"]


class Staged:
    """A buffer for one frame: page-locked host memory and device memory.

    Args:
        driver: The device.

    Attributes:
        source: Frame object that `Staging.find` identifies the buffer by; None after it was found.
        image: The uploaded frame, H x W x 3 uint8 BGR or H x W x 4 uint8 BGRA, in host memory.
        ready: Event that marks the end of the upload.
        consumed: Event that marks the end of the work that reads the buffer.
    """

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
        """Return the first ``size`` bytes of the page-locked memory."""
        return self._host[:size]

    def fit(self, size: int) -> NDArray[np.uint8]:
        """Return ``size`` bytes of page-locked memory. Both memories grow if needed, and never shrink."""
        if self._host.size < size:
            self._host = self._driver.pinned((size,), np.uint8)
            self._memory = self._driver.allocate(size)
        return self.host(size)


class Staging:
    """Two staging buffers with their own stream.

    Args:
        driver: The device. Its context must be current during every call.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver, self._stream = driver, driver.stream()
        self._buffers = (Staged(driver), Staged(driver))
        self._next = 0
        self._lock = threading.Lock()

    def upload(self, image: NDArray[np.uint8], source: Any = None) -> Staged:
        """Start the upload of a frame. The caller's stream must wait for the event ``ready``.

        Args:
            image: H x W x 3 uint8 BGR or H x W x 4 uint8 BGRA, with any strides.
            source: Frame object that `find` identifies the buffer by later; None if the buffer is used at once.
        """
        with self._lock:
            staged = self._buffers[self._next]
            self._next = 1 - self._next
        # The buffer is free once its previous frame was uploaded and then read.
        staged.ready.synchronize()
        staged.consumed.synchronize()
        host = staged.fit(image.size)
        np.copyto(host.reshape(image.shape), image)
        self._driver.upload(staged.pointer, host, self._stream)
        staged.ready.record(self._stream)
        staged.source, staged.image = source, image
        return staged

    def find(self, source: Any) -> Staged | None:
        """Return the buffer of a frame object, only at the first call for it; None where there is none."""
        for staged in self._buffers:
            if source is not None and staged.source is source:
                staged.source = None
                return staged
        return None

    def as_frame(self, staged: Staged) -> DeviceFrame:
        """Return the device copy of a staged frame."""
        height, width, channels = staged.image.shape
        return DeviceFrame(
            shape=(height, width, 3),
            pointer=staged.pointer,
            pitch=channels * width,
            format="bgra" if channels == 4 else "bgr",
            driver=self._driver,
        )
