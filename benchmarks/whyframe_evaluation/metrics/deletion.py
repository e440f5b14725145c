"""Minimality of deletions (second paper, 5.3): the smallest blurred box that suppresses the class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import Classify, blur
from whyframe_evaluation.annotations.imagenet import Box
from whyframe_evaluation.metrics.box_scores import box_mask
from whyframe_evaluation.metrics.heatmaps import Heatmap, area, tight_box, unit_range
from whyframe_evaluation.metrics.perturbations import Frame, edit, normalised_score

__all__ = ["SUPPRESSIONS", "BoxCurve", "box_curve", "minimal_area", "threshold_boxes"]

THRESHOLDS = tuple(i / 10 for i in range(11))
SUPPRESSIONS = (0.80, 0.90, 0.95, 0.99)


@dataclass(frozen=True)
class BoxCurve:
    """Boxes around a heatmap at falling sizes, and what is left of the class once each is blurred.

    Attributes:
        boxes: (x1, y1, x2, y2) in pixels.
        scores: normalised, one a box: 1 is the clean frame's, 0 the fully blurred one's; NaN if unmeasurable.
    """

    boxes: tuple[Box, ...]
    scores: NDArray[np.float64]


def threshold_boxes(heatmap: Heatmap, thresholds: Sequence[float] = THRESHOLDS) -> tuple[Box, ...]:
    """The tightest boxes around the pixels that reach each threshold of a heatmap scaled to [0, 1].

    A constant heatmap reaches only 0: its one box is the whole frame.
    """
    scaled = unit_range(heatmap)
    found = (tight_box(scaled >= threshold) for threshold in thresholds)
    return tuple(box for box in found if box is not None)


def box_curve(
    classify: Classify,
    frame: Frame,
    heatmap: Heatmap,
    target: int,
    thresholds: Sequence[float] = THRESHOLDS,
) -> BoxCurve:
    """Blurs the box of each threshold.

    Args:
        classify: N x S x S x 3 uint8 frames to N x C probabilities; called once.
        frame: S x S x 3 uint8.
        heatmap: S x S.
        target: class.
        thresholds: of the heatmap scaled to [0, 1].
    """
    boxes = threshold_boxes(heatmap, thresholds)
    background = blur(frame)
    regions = np.stack([box_mask([box], *heatmap.shape) for box in boxes])
    frames = np.concatenate([[frame, background], edit(frame, background, regions)])
    clean, fully, *edited = classify(frames)[:, target]
    return BoxCurve(boxes, normalised_score(np.array(edited), float(clean), float(fully)))


def minimal_area(curve: BoxCurve, suppression: float) -> float:
    """Square pixels of the smallest box that removes that share of the normalised score.

    NaN where the scores could not be measured, or where no box suffices (with the threshold 0 one always does).
    """
    enough = [
        area(box)
        for box, score in zip(curve.boxes, curve.scores, strict=True)
        if score <= 1 - suppression + 1e-9  # 1 - 0.9 is not 0.1 in binary
    ]
    return min(enough, default=float("nan"))
