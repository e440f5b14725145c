"""What several metrics do with a heatmap or a box: its unit range, its largest blob, the overlap of two boxes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe_evaluation.annotations.imagenet import Box

Heatmap = NDArray[np.floating]
Region = NDArray[np.bool_]


def unit_range(heatmap: Heatmap) -> NDArray[np.float64]:
    """``(heatmap - min) / (max - min)``, in [0, 1]; a constant heatmap gives zeros."""
    wide = np.asarray(heatmap, np.float64)
    low, high = wide.min(), wide.max()
    return (wide - low) / (high - low) if high > low else np.zeros_like(wide)


def largest_component(region: Region) -> Region:
    """The 8-connected component with the most pixels, the first in reading order of equal ones.

    Args:
        region: H x W.

    Returns:
        H x W; nothing where ``region`` is empty.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    if count == 1:
        return np.zeros_like(region, bool)
    return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())


def tight_box(region: Region) -> Box | None:
    """The smallest (x1, y1, x2, y2) around a region, in pixel edges (x2 - x1 is its width); None if it is empty."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def area(box: Box) -> float:
    """Square pixels; 0 for a box that is inside out."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def iou(a: Box, b: Box) -> float:
    """Area of the intersection over area of the union, in [0, 1]."""
    shared = area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    union = area(a) + area(b) - shared
    return shared / union if union else 0.0
