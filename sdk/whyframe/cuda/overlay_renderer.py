"""Drawing a map on a frame on the device: upsampling, colour and blending in one pass."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whyframe.cuda.frames import DeviceFrame
from whyframe.preprocess import crop_window

if TYPE_CHECKING:
    from whyframe.cuda.driver import Driver, Memory
    from whyframe.native.kernels import Kernels

__all__ = ["OverlayRenderer"]

Image = NDArray[np.uint8]


class OverlayRenderer:
    """Draws for any thread, on a stream of its own.

    Args:
        driver: The device.
        kernels: The compiled kernels.
    """

    def __init__(self, driver: Driver, kernels: Kernels) -> None:
        self._driver, self._kernels = driver, kernels
        self._lock = threading.Lock()
        with driver.current():
            self._stream = driver.stream()

    def draw(self, frame: Any, mask: NDArray[np.float32], resize: str, colours: Image, keep: Image) -> Image:
        """A frame with its map.

        Args:
            frame: H x W x 3 uint8 BGR, or a frame on the device.
            mask: h x w float32 scores.
            resize: The manifest's rule, which says what part of the frame the mask covers.
            colours: 256 x 1 x 3 uint8, what is added at each 8-bit score.
            keep: 256 x 1 x 3 uint8, what is kept of the frame, in 255ths.

        Returns:
            A new H x W x 3 uint8 BGR array.
        """
        height, width, _ = frame.shape
        top, left, tall, wide = crop_window(height, width, resize)
        image = np.empty((height, width, 3), np.uint8)
        with self._lock, self._driver.current():
            pointer, pitch, _memory = self._on_device(frame)
            scores, added, kept = (self._to_device(array) for array in (mask, colours, keep[:, 0, 0]))
            drawn = self._driver.allocate(image.nbytes)
            self._kernels.overlay(
                scores.pointer,
                mask.shape[0],
                mask.shape[1],
                pointer,
                pitch,
                height,
                width,
                top,
                left,
                tall,
                wide,
                added.pointer,
                kept.pointer,
                drawn.pointer,
                3 * width,
                None,
                None,
                0.0,
                stream=self._stream.handle,
            )
            self._driver.download(image, drawn.pointer, self._stream)
            self._stream.synchronize()
        return image

    def _on_device(self, frame: Any) -> tuple[int, int, Memory | None]:
        """Address and pitch of the frame's BGR rows, and what holds them."""
        if isinstance(frame, DeviceFrame) and frame.format == "bgr":
            if frame.stream is not None:
                self._driver.wait_for_stream(self._stream, frame.stream)
            return frame.pointer, frame.pitch, None
        memory = self._to_device(np.asarray(frame))
        return memory.pointer, 3 * frame.shape[1], memory

    def _to_device(self, array: NDArray[Any]) -> Memory:
        return self._driver.to_device(np.ascontiguousarray(array), self._stream)
