"""Layout of features: maps with the channels first or last, or tokens of patches after class and register tokens."""

from __future__ import annotations

from math import isqrt

from torch import Tensor

MAXIMUM_EXTRA_TOKENS = 16
"""Largest number of class and register tokens before the patch tokens."""


def find_layout(features: Tensor, size: tuple[int, int]) -> tuple[str, int, int, int] | None:
    """Return the layout of features as `Cut` describes it.

    Args:
        features: Features of two images.
        size: Height and width of the images, in pixels.

    Returns:
        Layout, rows and columns of cells, and number of extra tokens; None where there are no cells.
    """
    if features.shape[0] != 2:
        return None
    if features.ndim == 4:
        return _map_layout(features, size)
    if features.ndim == 3:
        return _token_layout(features.shape[1], size)
    return None


def _map_layout(features: Tensor, size: tuple[int, int]) -> tuple[str, int, int, int] | None:
    """Return the layout whose cells have the most equal strides in both axes, give or take one cell."""
    _, a, b, c = features.shape
    layouts = [
        (abs(width - height * size[1] / size[0]), layout, height, width)
        for layout, height, width in (("map", b, c), ("map_last", a, b))
        if height * width > 1
    ]
    if not layouts:
        return None
    excess, layout, height, width = min(layouts, key=lambda entry: entry[0])
    return (layout, height, width, 0) if excess <= 1 else None


def _token_layout(tokens: int, size: tuple[int, int]) -> tuple[str, int, int, int] | None:
    for extra in range(min(MAXIMUM_EXTRA_TOKENS, tokens) + 1):
        cells = tokens - extra
        height = isqrt(cells * size[0] // size[1])
        for rows in (height, height + 1):
            if rows > 0 and cells > 1 and cells % rows == 0 and rows * size[1] == cells // rows * size[0]:
                return "tokens", rows, cells // rows, extra
    return None
