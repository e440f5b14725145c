"""The saliency scores of one frame, in host memory or on a device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.colormap import blend
from whyframe.input_spec import InputSpec
from whyframe.postprocess import to_frame

__all__ = ["MINIMUM_CONTRAST", "MINIMUM_RANGE", "HostScores", "Scores", "has_no_signal"]

MINIMUM_RANGE = 0.05
"""A mask whose scores span less than this carries no signal (a constant map is 0.1768 with CT, 0 with BT)."""

MINIMUM_CONTRAST = 2.0
"""A frame in which the standard deviation of every channel is below this, in grey levels, shows nothing."""

Image = NDArray[np.uint8]


class Scores(ABC):
    """Saliency scores of one frame. Reading them may download them from a device, the first time only.

    Args:
        size: Height and width of the frame, in pixels.
        spec: The model's input, whose resize rule defines the part of the frame that the mask covers.
    """

    def __init__(self, size: tuple[int, int], spec: InputSpec) -> None:
        self._size, self._spec = size, spec

    @property
    @abstractmethod
    def mask(self) -> NDArray[np.float32]:
        """Scores at the model's resolution: h x w float32, or the input's H x W after refinement; read-only."""

    @property
    @abstractmethod
    def no_signal(self) -> bool:
        """Whether the mask or the frame carries no signal; see `has_no_signal`."""

    @cached_property
    def saliency(self) -> NDArray[np.float32]:
        """Scores at the frame's resolution: H x W float32, read-only; computed at the first reading."""
        scores = to_frame(self.mask, *self._size, self._spec)
        scores.flags.writeable = False
        return scores

    def blend(self, frame: Image, colours: Image, keep: Image) -> Image:
        """Mix each pixel of the frame with the colour of its score; see `whyframe.colormap.blend`.

        Args:
            frame: H x W x 3 uint8 BGR, the frame of these scores.
            colours: 256 x 1 x 3 uint8 table of `blend_tables`.
            keep: 256 x 1 x 3 uint8 table of `blend_tables`.

        Returns:
            A new H x W x 3 uint8 BGR array.
        """
        return blend(np.asarray(frame), self.saliency, colours, keep)


class HostScores(Scores):
    """Saliency scores in host memory.

    Args:
        mask: h x w or H x W float32 scores; the array is made read-only.
        no_signal: Result of `has_no_signal`.
        size: Height and width of the frame, in pixels.
        spec: The model's input.
    """

    def __init__(
        self, mask: NDArray[np.float32], no_signal: bool, size: tuple[int, int], spec: InputSpec
    ) -> None:
        super().__init__(size, spec)
        mask.flags.writeable = False
        self._mask, self._no_signal = mask, no_signal

    @property
    def mask(self) -> NDArray[np.float32]:
        """See `Scores.mask`."""
        return self._mask

    @property
    def no_signal(self) -> bool:
        """See `Scores.no_signal`."""
        return self._no_signal


def has_no_signal(mask: NDArray[np.float32], frame: Image) -> bool:
    """Return whether a mask shows nothing: it is constant, or the frame has no contrast.

    Instance normalisation stretches any logit map to the full range, so the noise of a blank wall gets scores
    as high as those of an object. The contrast of the frame separates the two cases.

    Args:
        mask: Float32 scores of any shape.
        frame: H x W x C uint8, the model's input.

    Returns:
        True where the scores span less than `MINIMUM_RANGE` or are not numbers, or where the standard deviation
        of every channel of the frame is below `MINIMUM_CONTRAST`.
    """
    varies = float(mask.max()) - float(mask.min()) >= MINIMUM_RANGE  # False for nan too
    return not varies or float(cv2.meanStdDev(frame)[1].max()) < MINIMUM_CONTRAST
