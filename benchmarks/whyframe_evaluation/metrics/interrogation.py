"""Boxed interrogation: share of the class's probability that is lost with a box (Fong and Vedaldi 2017, Fig. 6)."""

from __future__ import annotations

import numpy as np

from whyframe.perturb import Classify, blur
from whyframe_evaluation.annotations.boxed_images import Box
from whyframe_evaluation.metrics.box_geometry import box_mask
from whyframe_evaluation.metrics.perturbations import Frame, edit

__all__ = ["box_suppression"]


def box_suppression(classify: Classify, frame: Frame, box: Box, target: int) -> float:
    """Return the share of the class's probability that is lost when a box is blurred.

    ``1 - p(box blurred) / p(frame)``. For boxes of the same size, higher is better: 1 means that the class has no
    probability without the box. A negative value means that blurring raises the probability.

    Args:
        classify: Function from N x S x S x 3 uint8 frames to N x C class probabilities; called once.
        frame: S x S x 3 uint8.
        box: (x1, y1, x2, y2) in pixels of the frame.
        target: Class id.

    Returns:
        Suppression, at most 1. NaN where the class has no probability in the frame.
    """
    edited = edit(frame, blur(frame), box_mask([box], *frame.shape[:2]))
    before, after = classify(np.stack([frame, edited]))[:, target].tolist()
    return 1 - after / before if before else float("nan")
