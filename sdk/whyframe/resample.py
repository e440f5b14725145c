"""Exact resizing with Pillow's separable filters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["resample"]

_RADIUS = {"nearest": 0.5, "bilinear": 1.0, "bicubic": 2.0}


def resample(
    image: NDArray[np.uint8],
    window: tuple[float, float, float, float],
    height: int,
    width: int,
    interpolation: str,
    antialias: bool,
) -> NDArray[np.uint8]:
    """Resize a window of an image.

    Args:
        image: H x W x C uint8.
        window: (top, left, height, width) of the part to resize, in pixels of the image.
        height: Height of the result, in pixels.
        width: Width of the result, in pixels.
        interpolation: ``"nearest"``, ``"bilinear"`` or ``"bicubic"``.
        antialias: Whether the filter is widened where the image is reduced.

    Returns:
        height x width x C uint8.
    """
    top, left, rows, columns = window
    down = _weights(image.shape[0], top, rows, height, interpolation, antialias)
    across = _weights(image.shape[1], left, columns, width, interpolation, antialias)
    result = np.einsum("ij,jkc,lk->ilc", down, image.astype(np.float32), across, optimize=True)
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)


@lru_cache(maxsize=16)
def _weights(
    samples: int, start: float, length: float, count: int, interpolation: str, antialias: bool
) -> NDArray[np.float32]:
    """Return the count x samples weights of one axis; each row sums to 1."""
    scale = length / count
    widened = max(scale, 1.0) if antialias and interpolation != "nearest" else 1.0
    centre = start + (np.arange(count)[:, None] + 0.5) * scale
    distance = (np.arange(samples)[None] + 0.5 - centre) / widened
    if interpolation == "nearest":
        weights = (np.floor(centre).clip(0, samples - 1) == np.arange(samples)[None]).astype(np.float64)
    else:
        weights = _filter(distance, interpolation, -0.5 if antialias else -0.75)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _filter(x: NDArray[np.float64], interpolation: str, a: float) -> NDArray[np.float64]:
    x = np.abs(x)
    if interpolation == "bilinear":
        return np.maximum(1 - x, 0)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < _RADIUS["bicubic"], far, 0))
