"""Pointing game on one image: whether the highest score lies on the object (Fu et al. 2022, Eq. 10).

The accuracy of Eq. 10 is the mean of the hits of each category, then the mean over the categories:
`whyframe_evaluation.summary.aggregates.pointing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from whyframe_evaluation.annotations.boxed_images import Box
from whyframe_evaluation.metrics.box_geometry import box_mask
from whyframe_evaluation.metrics.heatmaps import Heatmap

__all__ = ["MARGIN", "is_difficult", "pointing_hit"]

MARGIN = 15.0
"""Tolerance of the original game (Zhang et al. 2016), in pixels of the image; 0 is the strict game."""

DIFFICULT_SHARE = 0.25
"""Share of the image that a difficult object must stay below (Fong and Vedaldi 2017, section 5.6)."""


def pointing_hit(heatmap: Heatmap, boxes: Sequence[Box], margin: float = 0.0) -> bool:
    """Return whether the highest score is a hit: it lies in a box, or closer than the margin to a pixel in a box.

    Args:
        heatmap: H x W scores of any range, at the size of the image; the first of equal maxima in reading order counts.
        boxes: (x1, y1, x2, y2) of the objects of the category, in pixels.
        margin: Distance in pixels: 0 for the strict game, `MARGIN` for the tolerant game.
    """
    height, width = heatmap.shape
    y, x = divmod(int(heatmap.argmax()), width)
    rows, columns = np.nonzero(box_mask(boxes, height, width))
    squared = (rows - y) ** 2 + (columns - x) ** 2
    return bool((squared == 0).any() or (squared < margin**2).any())


def is_difficult(boxes: Sequence[Box], categories: Iterable[str], height: int, width: int) -> bool:
    """Return whether an image is difficult for the pointing game (Fong and Vedaldi 2017, section 5.6).

    The category covers less than a quarter of a difficult image, and the image holds at least two categories.

    Args:
        boxes: (x1, y1, x2, y2) of the objects of the category, in pixels.
        categories: Category names of all objects in the image.
        height: Height of the image, in pixels.
        width: Width of the image, in pixels.
    """
    small = box_mask(boxes, height, width).mean() < DIFFICULT_SHARE
    return bool(small) and len(set(categories)) >= 2
