"""Scores of a result in device memory."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whyframe.input_spec import InputSpec
from whyframe.perturb import upsample
from whyframe.scores import Scores, has_no_signal

if TYPE_CHECKING:
    from whyframe.cuda.overlay_renderer import OverlayRenderer
    from whyframe.cuda.ring import Slot

__all__ = ["DeviceScores"]


class DeviceScores(Scores):
    """Scores that stay in device memory until they are read.

    Args:
        renderer: Renderer of overlays on the device.
        slot: Slot with ``mask`` (h x w float32) and ``input`` (H x W x C uint8, the model's input).
        size: Height and width of the frame, in pixels.
        spec: The model's input.
        refined: Slot with ``refined`` (H x W float32), the refined mask; None without refinement.
    """

    def __init__(
        self,
        renderer: OverlayRenderer,
        slot: Slot,
        size: tuple[int, int],
        spec: InputSpec,
        refined: Slot | None = None,
    ) -> None:
        super().__init__(size, spec)
        self._renderer, self._slot, self._refined = renderer, slot, refined

    @cached_property
    def mask(self) -> NDArray[np.float32]:  # type: ignore[override]
        """See `Scores.mask`."""
        arrays = self._slot.fetch()
        if self._refined is None:
            return arrays["mask"]
        if (
            self.no_signal
        ):  # the ranking of its pixels is noise, which refinement would turn into a visible map
            return upsample(arrays["mask"], *arrays["input"].shape[:2])
        return self._refined.fetch()["refined"]

    @cached_property
    def no_signal(self) -> bool:  # type: ignore[override]
        """See `Scores.no_signal`."""
        arrays = self._slot.fetch()
        return has_no_signal(arrays["mask"], arrays["input"])

    def blend(self, frame: Any, colours: NDArray[np.uint8], keep: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See `Scores.blend`. A single kernel on the device upsamples, colours and blends."""
        return self._renderer.draw(frame, self.mask, self._spec, colours, keep)
