"""The pointing game (Eq. 10): hits counted for each category, then averaged; all images and the difficult ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whyframe_training.boxes import Box
from whyframe_training.evaluation.boxes_io import BoxRow
from whyframe_training.evaluation.heatmaps import Heatmap
from whyframe_training.metrics import box_mask

__all__ = ["MARGIN", "Pointing", "Trial", "image_trials", "is_difficult", "pointing_accuracy", "pointing_hit"]

MARGIN = 15.0
"""The tolerance of the original game, in pixels of the image; 0 is the strict game."""

DIFFICULT_AREA = 0.25
"""An object that covers less of its image may be difficult."""


@dataclass(frozen=True)
class Trial:
    """One category in one image.

    Attributes:
        category: the object's.
        hit: whether the heatmap's maximum lies on such an object.
        difficult: see `is_difficult`.
    """

    category: str
    hit: bool
    difficult: bool = False


@dataclass(frozen=True)
class Pointing:
    """M_PG in percent: the mean over categories, each category's own, and the number of trials."""

    mean: float
    by_category: dict[str, float]
    count: int


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


def image_trials(
    heatmaps: Mapping[str, Heatmap], rows: Sequence[BoxRow], margin: float = 0.0
) -> Iterator[Trial]:
    """One trial for each category of an image; none for one whose objects are all marked difficult (VOC's rule).

    Args:
        heatmaps: by category, H x W at the image's own size.
        rows: the image's objects.
        margin: see `pointing_hit`.
    """
    categories = [row.category for row in rows]
    for category, heatmap in heatmaps.items():
        own = [row for row in rows if row.category == category]
        if not all(row.difficult for row in own):
            boxes = [row.box for row in own]
            hard = is_difficult(boxes, categories, *heatmap.shape)
            yield Trial(category, pointing_hit(heatmap, boxes, margin), hard)


def pointing_accuracy(trials: Iterable[Trial], difficult_only: bool = False) -> Pointing:
    """Eq. 10 for each category, then the mean over categories; NaN where there is no trial."""
    hits: dict[str, list[bool]] = defaultdict(list)
    for trial in trials:
        if trial.difficult or not difficult_only:
            hits[trial.category].append(trial.hit)
    by_category = {category: 100 * float(np.mean(ones)) for category, ones in sorted(hits.items())}
    mean = float(np.mean(list(by_category.values()))) if by_category else float("nan")
    return Pointing(mean, by_category, sum(map(len, hits.values())))
