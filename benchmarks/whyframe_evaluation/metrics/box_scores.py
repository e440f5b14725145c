"""Scores against boxes: which pixels lie in them, and the area under precision and recall (Eq. 11)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def box_mask(boxes: Sequence[Sequence[float]], height: int, width: int) -> NDArray[np.bool_]:
    """H x W, true inside any of the x1, y1, x2, y2 boxes (pixels whose centres are inside)."""
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), bool)
    for x1, y1, x2, y2 in boxes:
        inside |= (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
    return inside


def pr_auc(saliency: NDArray[np.floating], inside: NDArray[np.bool_]) -> float:
    """Eq. 11: area under precision and recall of the ranked pixels in the boxes, in percent."""
    from sklearn.metrics import average_precision_score

    return 100 * float(average_precision_score(inside.ravel(), saliency.ravel()))
