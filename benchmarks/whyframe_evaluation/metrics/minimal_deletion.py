"""Minimality of deletions: the smallest box whose blurring suppresses the class.

Fong and Vedaldi 2017, section 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import Classify, blur
from whyframe_evaluation.annotations.boxed_images import Box
from whyframe_evaluation.metrics.box_geometry import box_area, box_mask, tight_box
from whyframe_evaluation.metrics.heatmaps import Heatmap, unit_range
from whyframe_evaluation.metrics.perturbations import Frame, edit, normalised_score

__all__ = ["SUPPRESSIONS", "BoxCurve", "box_curve", "minimal_area", "threshold_boxes"]

THRESHOLDS = tuple(i / 10 for i in range(11))
"""Thresholds h of the heatmap scaled to [0, 1]."""

SUPPRESSIONS = (0.80, 0.90, 0.95, 0.99)
"""Shares of the normalised score that a box must remove (Fong and Vedaldi 2017, Fig. 8)."""


@dataclass(frozen=True)
class BoxCurve:
    """Boxes around a heatmap at rising thresholds, and the score of the class once each box is blurred.

    Attributes:
        boxes: B boxes (x1, y1, x2, y2) in pixels.
        scores: B normalised scores, float64: 1 for the frame's own probability, 0 for that of the blurred frame. NaN
            where blurring the frame lowers the probability by at most `whyframe.perturb.MINIMUM_DROP`.
    """

    boxes: tuple[Box, ...]
    scores: NDArray[np.float64]


def threshold_boxes(heatmap: Heatmap) -> tuple[Box, ...]:
    """Return the tightest box around the pixels that reach each of `THRESHOLDS`, once the heatmap is scaled to [0, 1].

    Args:
        heatmap: H x W scores of any range. Where all are equal, they reach only the threshold 0.

    Returns:
        Boxes (x1, y1, x2, y2) in pixels; the first is the frame.
    """
    scaled = unit_range(heatmap)
    found = (tight_box(scaled >= threshold) for threshold in THRESHOLDS)
    return tuple(box for box in found if box is not None)


def box_curve(classify: Classify, frame: Frame, heatmap: Heatmap, target: int) -> BoxCurve:
    """Blur the box of each threshold, and measure the class.

    Args:
        classify: Function from N x S x S x 3 uint8 frames to N x C class probabilities; called once.
        frame: S x S x 3 uint8.
        heatmap: S x S scores of any range.
        target: Class id.
    """
    boxes = threshold_boxes(heatmap)
    background = blur(frame)
    regions = np.stack([box_mask([box], *heatmap.shape) for box in boxes])
    frames = np.concatenate([[frame, background], edit(frame, background, regions)])
    clean, blurred, *edited = classify(frames)[:, target]
    return BoxCurve(boxes, normalised_score(np.array(edited), float(clean), float(blurred)))


def minimal_area(curve: BoxCurve, suppression: float) -> float:
    """Return the area of the smallest box whose blurring removes a share of the normalised score.

    ``min area(b) over the boxes b with p'(b) <= 1 - suppression``. Lower is better.

    Args:
        curve: Boxes and scores as `box_curve` returns them.
        suppression: Share of the normalised score to remove, in [0, 1].

    Returns:
        Area in square pixels. NaN where the scores are NaN, or where no box removes the share.
    """
    enough = [
        box_area(box)
        for box, score in zip(curve.boxes, curve.scores, strict=True)
        if score <= 1 - suppression + 1e-9  # 1 - 0.9 is not exactly 0.1 in binary
    ]
    return min(enough, default=float("nan"))
