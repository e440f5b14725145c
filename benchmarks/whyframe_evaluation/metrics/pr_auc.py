"""Explainability as the area under precision and recall in boxes (PR-AUC; Fu et al. 2022, Eq. 11)."""

from __future__ import annotations

from collections.abc import Sequence

from whyframe_evaluation.annotations.boxed_images import Box
from whyframe_evaluation.metrics.box_geometry import box_mask
from whyframe_evaluation.metrics.heatmaps import Heatmap

__all__ = ["pr_auc"]


def pr_auc(heatmap: Heatmap, boxes: Sequence[Box]) -> float:
    """Return the explainability M_I of a heatmap: how well its scores separate the boxes from the rest.

    ``M_I = 100 * sum_i P_i (R_i - R_(i-1))``, where P_i is the precision and R_i is the recall of the pixels in the
    boxes among the pixels with the i highest distinct scores. Higher is better. Equal scores give the share of the
    image that the boxes cover.

    Args:
        heatmap: H x W scores of any range.
        boxes: (x1, y1, x2, y2) of each box, in pixels of the heatmap.

    Returns:
        M_I in percent, in (0, 100]. NaN where no pixel lies in a box.
    """
    from sklearn.metrics import average_precision_score  # takes a second to import

    inside = box_mask(boxes, *heatmap.shape)
    return (
        100 * float(average_precision_score(inside.ravel(), heatmap.ravel()))
        if inside.any()
        else float("nan")
    )
