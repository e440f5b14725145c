"""The map of one result, wherever it lies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.overlay import blend

if TYPE_CHECKING:
    from whyframe.explanation import Explanation

__all__ = ["FLAT_CONTRAST", "FLAT_RANGE", "HostScores", "Scores", "is_flat"]

FLAT_RANGE = 0.05
"""A map whose scores span less than this carries no signal (CT gives 0.1768 everywhere, BT gives 0)."""

FLAT_CONTRAST = 2.0
"""An input whose channels all deviate less than this from their means, in grey levels, shows nothing."""

Image = NDArray[np.uint8]


class Scores(ABC):
    """A mask, and whether it says anything. Reading it may fetch it from a device; the first time only."""

    @property
    @abstractmethod
    def mask(self) -> NDArray[np.float32]:
        """S x s, or S x S after tuning; read-only."""

    @property
    @abstractmethod
    def flat(self) -> bool:
        """Whether the mask or the frame carries no signal."""

    def blend(self, explanation: Explanation, colours: Image, keep: Image) -> Image:
        """A result's frame with each pixel mixed with the colour of its score, in 8-bit arithmetic.

        Args:
            explanation: The result whose map this is.
            colours: 256 x 1 x 3, what is added at each 8-bit score.
            keep: 256 x 1 x 3, what is kept of the frame, in 255ths.

        Returns:
            A new H x W x 3 uint8 array.
        """
        return blend(np.asarray(explanation.frame), explanation.saliency, colours, keep)


class HostScores(Scores):
    """A mask in host memory.

    Args:
        mask: Scores; made read-only.
        flat: As `is_flat` says.
    """

    def __init__(self, mask: NDArray[np.float32], flat: bool) -> None:
        mask.flags.writeable = False
        self._mask, self._flat = mask, flat

    @property
    def mask(self) -> NDArray[np.float32]:
        """See `Scores.mask`."""
        return self._mask

    @property
    def flat(self) -> bool:
        """See `Scores.flat`."""
        return self._flat


def is_flat(mask: NDArray[np.float32], frame: Image) -> bool:
    """Whether a map shows nothing: it is constant, or there was nothing to see.

    Instance normalisation stretches whatever it is given to the whole range, so a blank wall's noise would
    glow as brightly as an object; the frame's own contrast tells them apart.

    Args:
        mask: Scores of any shape.
        frame: S x S x 3 uint8, the model's input.

    Returns:
        True where the scores span less than `FLAT_RANGE` (or are not numbers), or no channel of the frame
        deviates by `FLAT_CONTRAST` from its mean.
    """
    spans = float(mask.max()) - float(mask.min()) >= FLAT_RANGE  # False for nan too
    return not spans or float(cv2.meanStdDev(frame)[1].max()) < FLAT_CONTRAST
