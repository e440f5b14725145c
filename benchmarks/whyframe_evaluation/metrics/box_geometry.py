"""Geometry of boxes: size, overlap, the pixels in them, and the box around a region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whyframe.input_spec import InputSpec
from whyframe_evaluation.annotations.boxed_images import Box
from whyframe_evaluation.metrics.heatmaps import Region

__all__ = ["box_area", "box_mask", "input_boxes", "iou", "tight_box"]


def box_area(box: Box) -> float:
    """Return the area of a box in square pixels; 0 where ``x2 < x1`` or ``y2 < y1``."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, in [0, 1]; 0 where both boxes are empty."""
    shared = box_area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    union = box_area(a) + box_area(b) - shared
    return shared / union if union else 0.0


def box_mask(boxes: Sequence[Box], height: int, width: int) -> Region:
    """Return the pixels whose centres lie in any of the boxes.

    Args:
        boxes: (x1, y1, x2, y2) of each box, in pixels.
        height: H of the image, in pixels.
        width: W of the image, in pixels.

    Returns:
        H x W bool.
    """
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), bool)
    for x1, y1, x2, y2 in boxes:
        inside |= (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
    return inside


def tight_box(region: Region) -> Box | None:
    """Return the smallest box around a region, whose edges are pixel edges; None where the region is empty.

    Args:
        region: H x W bool.
    """
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def input_boxes(boxes: Sequence[Box], height: int, width: int, spec: InputSpec) -> list[Box]:
    """Convert boxes from pixels of an image file to pixels of the classifier's input.

    Args:
        boxes: (x1, y1, x2, y2) of each box, in pixels of the file.
        height: Height of the file, in pixels.
        width: Width of the file, in pixels.
        spec: The classifier's input.

    Returns:
        Boxes in pixels of the input, cut to the part that shows the file; boxes that have no area there are left out.
    """
    place = spec.resize.placement(height, width, spec.height, spec.width)
    scale = np.array([spec.width / place.width, spec.height / place.height] * 2)
    scaled = (np.asarray(boxes, float).reshape(-1, 4) - [place.left, place.top] * 2) * scale
    low = [place.first_column, place.first_row] * 2
    high = [place.end_column, place.end_row] * 2
    cut: list[Box] = [(x1, y1, x2, y2) for x1, y1, x2, y2 in scaled.clip(low, high).tolist()]
    return [box for box in cut if box_area(box) > 0]
