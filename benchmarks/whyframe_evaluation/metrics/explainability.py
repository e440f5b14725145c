"""PR-AUC in boxes (Eq. 11), on images of the size that the classifier takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whyframe.preprocess import crop_window
from whyframe_evaluation.annotations.imagenet import Box
from whyframe_evaluation.metrics.box_scores import box_mask, pr_auc
from whyframe_evaluation.metrics.heatmaps import Heatmap, area

__all__ = ["explainability", "input_boxes"]


def input_boxes(boxes: Sequence[Box], height: int, width: int, side: int, resize: str = "crop") -> list[Box]:
    """Boxes of an H x W file as they lie in the S x S input, resized and cropped as the image is.

    Args:
        boxes: (x1, y1, x2, y2) in pixels of the file.
        height: H.
        width: W.
        side: S.
        resize: ``"crop"`` for the centred largest square, ``"stretch"`` for the whole frame.

    Returns:
        Those that are still seen, cut at the border.
    """
    top, left, rows, columns = crop_window(height, width, resize)
    scale = np.array([side / columns, side / rows] * 2)
    moved = (np.asarray(boxes, float).reshape(-1, 4) - [left, top, left, top]) * scale
    cut: list[Box] = [(x1, y1, x2, y2) for x1, y1, x2, y2 in moved.clip(0, side).tolist()]
    return [box for box in cut if area(box) > 0]


def explainability(heatmap: Heatmap, boxes: Sequence[Box]) -> float:
    """M_I = 100 * sum_i P_i (R_i - R_{i-1}) of the ranked pixels; NaN where no pixel is in a box.

    Args:
        heatmap: H x W.
        boxes: (x1, y1, x2, y2) in pixels of the heatmap.
    """
    inside = box_mask(boxes, *heatmap.shape)
    return pr_auc(heatmap, inside) if inside.any() else float("nan")
