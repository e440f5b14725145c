"""Conversion of the model's mask to the size of the frame.

Masks are resized with half-pixel centres: the centre of output pixel i is at ``(i + 0.5) * n_in / n_out - 0.5``.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.input_spec import InputSpec
from whyframe.resize_rule import Placement

__all__ = ["interpolation_matrix", "to_frame"]


def to_frame(mask: NDArray[np.float32], height: int, width: int, spec: InputSpec) -> NDArray[np.float32]:
    """Resize a mask to the size of the frame, bilinearly.

    Args:
        mask: h x w float32 scores of the model's input.
        height: Height H of the frame, in pixels.
        width: Width W of the frame, in pixels.
        spec: The model's input.

    Returns:
        H x W float32 scores; 0 where the input did not show the frame.
    """
    place = spec.resize.placement(height, width, spec.height, spec.width)
    if place[:4] == (0, 0, height, width):
        return cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
    if spec.resize.interpolation == "fast":
        return _pasted(mask, place, height, width)
    down = interpolation_matrix(place.top, place.height, mask.shape[0], height)
    across = interpolation_matrix(place.left, place.width, mask.shape[1], width)
    return down @ mask @ across.T  # type: ignore[no-any-return]


def _pasted(mask: NDArray[np.float32], place: Placement, height: int, width: int) -> NDArray[np.float32]:
    """Resize a mask to a window of whole pixels, which is all that the fast rules have."""
    top, left, rows, columns = (int(value) for value in place[:4])
    scores = np.zeros((height, width), np.float32)
    resized = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_LINEAR)
    scores[top : top + rows, left : left + columns] = resized
    return scores


@lru_cache(maxsize=16)
def interpolation_matrix(start: float, length: float, samples: int, size: int) -> NDArray[np.float32]:
    """Return the weights of bilinear interpolation from a window of an axis to the complete axis.

    Args:
        start: First position of the window on the axis, in pixels.
        length: Length of the window, in pixels.
        samples: Number of samples that cover the window.
        size: Number of pixels of the axis.

    Returns:
        Weights, size x samples float32. A row is 0 where the pixel's centre is outside the window, and else sums to 1.
    """
    inside = (np.arange(size) + 0.5 - start) / length
    position = (inside * samples - 0.5).clip(0, samples - 1)
    weights = np.maximum(1 - np.abs(position[:, None] - np.arange(samples)), 0)
    return (weights * ((inside >= 0) & (inside < 1))[:, None]).astype(np.float32)
