"""The pointing game (Eq. 10) on one image: whether its heatmap hits, and whether it is a difficult one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from whyframe_evaluation.annotations.imagenet import Box
from whyframe_evaluation.metrics.box_scores import box_mask
from whyframe_evaluation.metrics.heatmaps import Heatmap

__all__ = ["MARGIN", "is_difficult", "pointing_hit"]

MARGIN = 15.0
"""The tolerance of the original game, in pixels of the image; 0 is the strict game."""

DIFFICULT_AREA = 0.25
"""An object that covers less of its image may be difficult."""


def pointing_hit(heatmap: Heatmap, boxes: Sequence[Box], margin: float = 0.0) -> bool:
    """Whether the highest score lies in a box, or less than ``margin`` pixels from one of a box's pixels.

    Args:
        heatmap: H x W at the image's own size; the first of equal maxima counts.
        boxes: (x1, y1, x2, y2) of the category's objects, in pixels.
        margin: 0 for the strict game, `MARGIN` for the tolerant one.
    """
    height, width = heatmap.shape
    y, x = divmod(int(heatmap.argmax()), width)
    rows, columns = np.nonzero(box_mask(boxes, height, width))
    squared = (rows - y) ** 2 + (columns - x) ** 2
    return bool((squared == 0).any() or (squared < margin**2).any())


def is_difficult(boxes: Sequence[Box], categories: Iterable[str], height: int, width: int) -> bool:
    """Whether the category covers less than a quarter of an image that holds at least two categories.

    Args:
        boxes: of the category's objects.
        categories: of all objects in the image.
        height: of the image, in pixels.
        width: of the image, in pixels.
    """
    small = box_mask(boxes, height, width).mean() < DIFFICULT_AREA
    return bool(small) and len(set(categories)) >= 2
