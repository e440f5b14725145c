"""Boxed interrogation (second paper, Fig. 6): which of several boxes does the class live in?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whyframe.perturb import Classify
from whyframe_evaluation.annotations.imagenet import Box
from whyframe_evaluation.metrics.box_scores import box_mask
from whyframe_evaluation.metrics.perturbations import PERTURBATIONS, Frame, edit

__all__ = ["Answer", "interrogate"]


@dataclass(frozen=True)
class Answer:
    """What one box is worth.

    Attributes:
        box: (x1, y1, x2, y2) in pixels.
        before: the class's probability in the clean frame.
        after: with the box perturbed; above ``before`` where the box spoke against the class.
    """

    box: Box
    before: float
    after: float

    @property
    def suppression(self) -> float:
        """The share of the probability that the box took with it; negative where it rose; NaN of none."""
        return 1 - self.after / self.before if self.before else float("nan")


def interrogate(
    classify: Classify,
    frame: Frame,
    boxes: Sequence[Box],
    target: int,
    perturbation: str = "blur",
    seed: int = 0,
) -> list[Answer]:
    """Perturbs each box alone.

    Args:
        classify: N x S x S x 3 uint8 frames to N x C probabilities; called once.
        frame: S x S x 3 uint8.
        boxes: in pixels of the frame.
        target: class.
        perturbation: ``"blur"``, ``"constant"`` or ``"noise"``.
        seed: of the noise.

    Returns:
        One answer a box, in the order given.
    """
    background = PERTURBATIONS[perturbation](frame, seed)
    edited = [edit(frame, background, box_mask([box], *frame.shape[:2])) for box in boxes]
    before, *after = classify(np.stack([frame, *edited]))[:, target].tolist()
    return [Answer(box, before, p) for box, p in zip(boxes, after, strict=True)]
