"""A result's map on the device."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import upsample
from whyframe.scores import Scores, is_flat

if TYPE_CHECKING:
    from whyframe.cuda.overlay_renderer import OverlayRenderer
    from whyframe.cuda.ring import Slot
    from whyframe.explanation import Explanation

__all__ = ["DeviceScores"]


class DeviceScores(Scores):
    """A mask that stays on the device until it is read.

    Args:
        renderer: Draws on the device.
        slot: Holds ``mask`` (s x s float32) and ``input`` (S x S x 3 uint8, the model's input).
        refined: Holds ``refined`` (S x S float32), the refined mask; None where it was not asked for.
    """

    def __init__(self, renderer: OverlayRenderer, slot: Slot, refined: Slot | None = None) -> None:
        self._renderer, self._slot, self._refined = renderer, slot, refined

    @cached_property
    def mask(self) -> NDArray[np.float32]:  # type: ignore[override]
        """See `Scores.mask`."""
        arrays = self._slot.fetch()
        if self._refined is None:
            return arrays["mask"]
        if self.flat:  # its ranking means nothing: the refinement has made a finding of it
            return upsample(arrays["mask"], arrays["input"].shape[0])
        return self._refined.fetch()["refined"]

    @cached_property
    def flat(self) -> bool:  # type: ignore[override]
        """See `Scores.flat`."""
        arrays = self._slot.fetch()
        return is_flat(arrays["mask"], arrays["input"])

    def blend(
        self, explanation: Explanation, colours: NDArray[np.uint8], keep: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """See `Scores.blend`: upsampled, coloured and blended in one pass on the device."""
        resize = explanation.manifest.resize
        return self._renderer.draw(explanation.frame, self.mask, resize, colours, keep)
