"""Renderer of overlays on the device, which upsamples, colours and blends in a single kernel."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whyframe.cuda.frames import DeviceFrame
from whyframe.input_spec import InputSpec

if TYPE_CHECKING:
    from whyframe.cuda.driver import Driver, Memory
    from whyframe.native.kernels import Kernels

__all__ = ["OverlayRenderer"]

Image = NDArray[np.uint8]


class OverlayRenderer:
    """A renderer with its own stream, which several threads may use.

    Args:
        driver: The device.
        kernels: The compiled kernels.
    """

    def __init__(self, driver: Driver, kernels: Kernels) -> None:
        self._driver, self._kernels = driver, kernels
        self._lock = threading.Lock()
        with driver.current():
            self._stream = driver.stream()

    def draw(
        self, frame: Any, mask: NDArray[np.float32], spec: InputSpec, colours: Image, keep: Image
    ) -> Image:
        """Mix each pixel of a frame with the colour of its score; see `whyframe.colormap.blend`.

        Args:
            frame: H x W x 3 uint8 BGR array, or a `DeviceFrame`.
            mask: h x w float32 scores in [0, 1].
            spec: The model's input, whose resize rule defines the part of the frame that the mask covers.
            colours: 256 x 1 x 3 uint8 table: what is added to the frame at each 8-bit score.
            keep: 256 x 1 x 3 uint8 table: the share of the frame that is kept at each 8-bit score, in 255ths.

        Returns:
            A new H x W x 3 uint8 BGR array in host memory.
        """
        height, width, _ = frame.shape
        place = spec.resize.placement(height, width, spec.height, spec.width)
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
                place.top,
                place.left,
                place.height,
                place.width,
                added.pointer,
                kept.pointer,
                drawn.pointer,
                3 * width,
                stream=self._stream.handle,
            )
            self._driver.download(image, drawn.pointer, self._stream)
            self._stream.synchronize()
        return image

    def _on_device(self, frame: Any) -> tuple[int, int, Memory | None]:
        """Return address and pitch of the frame's BGR rows, and the memory to keep alive if they were uploaded."""
        if isinstance(frame, DeviceFrame) and frame.format == "bgr":
            if frame.stream is not None:
                self._driver.wait_for_stream(self._stream, frame.stream)
            return frame.pointer, frame.pitch, None
        memory = self._to_device(np.asarray(frame))
        return memory.pointer, 3 * frame.shape[1], memory

    def _to_device(self, array: NDArray[Any]) -> Memory:
        return self._driver.to_device(np.ascontiguousarray(array), self._stream)
