"""Reference of the exact resize: float64 matrices of one axis, written from the definition, tap by tap."""

from __future__ import annotations

import math

import numpy as np


def triangle(x: float) -> float:
    return max(1.0 - abs(x), 0.0)


def keys_cubic(x: float, a: float) -> float:
    """Return Keys' cubic convolution kernel (1981) at x."""
    x = abs(x)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def antialiased_rows(
    n_in: int, start: float, length: float, n_out: int, interpolation: str = "bilinear"
) -> np.ndarray:
    """Return the n_out x n_in matrix of Pillow's filter: as wide as the reduction, cut at the image and normalised."""
    scale = length / n_out
    stretch = max(scale, 1.0)
    support = stretch * (1 if interpolation == "bilinear" else 2)
    rows = np.zeros((n_out, n_in))
    for i in range(n_out):
        centre = start + (i + 0.5) * scale
        for k in range(max(int(centre - support + 0.5), 0), min(int(centre + support + 0.5), n_in)):
            x = (k - centre + 0.5) / stretch
            rows[i, k] = triangle(x) if interpolation == "bilinear" else keys_cubic(x, -0.5)
    return rows / rows.sum(1, keepdims=True)


def interpolated_rows(
    n_in: int, start: float, length: float, n_out: int, interpolation: str = "bilinear"
) -> np.ndarray:
    """Return the n_out x n_in matrix of torch's interpolation without antialiasing; edge samples are repeated."""
    rows = np.zeros((n_out, n_in))
    reach = 1 if interpolation == "bilinear" else 2
    for i in range(n_out):
        place = start + (i + 0.5) * length / n_out - 0.5
        for k in range(math.floor(place) - reach + 1, math.floor(place) + reach + 1):
            weight = triangle(k - place) if interpolation == "bilinear" else keys_cubic(k - place, -0.75)
            rows[i, min(max(k, 0), n_in - 1)] += weight
    return rows


def resampled(
    image: np.ndarray,
    window: tuple[float, float, float, float],
    height: int,
    width: int,
    interpolation: str = "bilinear",
    antialias: bool = True,
) -> np.ndarray:
    """Return the height x width x C float64 values in 0..255, not rounded.

    With antialiasing the horizontal axis comes first, and its result is rounded and clipped to 8 bits, as in Pillow.
    """
    matrix = antialiased_rows if antialias else interpolated_rows
    top, left, rows, columns = window
    down = matrix(image.shape[0], top, rows, height, interpolation)
    across = matrix(image.shape[1], left, columns, width, interpolation)
    narrow = across @ image.astype(np.float64)  # H x width x C
    if antialias:
        narrow = np.clip(np.floor(narrow + 0.5), 0, 255)
    return np.clip(np.tensordot(down, narrow, axes=1), 0, 255)
