"""What is measured of a map, by name; each applies or does not, and says so by None."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from whyframe_training.classifiers import Classifier
from whyframe_training.evaluation.distribution import skewness
from whyframe_training.metrics import box_mask, faithfulness, pointing_hit, pr_auc, preserving_curve
from whyframe_training.perturb import GaussianBlur
from whyframe_training.study.subjects import Subject

__all__ = ["MEASURES", "Bench", "Measure"]


class Bench:
    """What the measures need of a classifier, made once.

    Args:
        classifier: that is explained.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.blur = GaussianBlur(classifier.side).to(classifier.mean.device)

    def measure(self, subject: Subject, scores: Tensor) -> dict[str, float | None]:
        """Every measure of one map.

        Args:
            subject: what it explains.
            scores: h x w.
        """
        values = {name: one.of(self, subject, scores) for name, one in MEASURES.items()}
        return {name: None if value is None or math.isnan(value) else value for name, value in values.items()}


@dataclass(frozen=True)
class Measure:
    """One column of the table.

    Attributes:
        title: its heading.
        says: what it means, for a person.
        of: its value for one map, None where it does not apply.
        rising: whether more is better; None where neither is.
    """

    title: str
    says: str
    of: Callable[[Bench, Subject, Tensor], float | None]
    rising: bool | None = True


def _faithfulness(bench: Bench, subject: Subject, scores: Tensor) -> float:
    classify = bench.classifier.logits
    return faithfulness(preserving_curve(classify, subject.image, scores, subject.target, bench.blur))


def _pr_auc(bench: Bench, subject: Subject, scores: Tensor) -> float | None:
    return pr_auc(_at_size(scores, bench), _inside(bench, subject)) if subject.boxes else None


def _pointing(bench: Bench, subject: Subject, scores: Tensor) -> float | None:
    if not subject.boxes:
        return None
    return 100.0 * pointing_hit(_at_size(scores, bench), _inside(bench, subject))


def _skewness(_: Bench, __: Subject, scores: Tensor) -> float:
    return skewness(scores.cpu().numpy())


def _at_size(scores: Tensor, bench: Bench) -> NDArray[np.float32]:
    side = bench.classifier.side
    return cv2.resize(scores.cpu().numpy(), (side, side), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _inside(bench: Bench, subject: Subject) -> NDArray[np.bool_]:
    side = bench.classifier.side
    return box_mask(subject.boxes, side, side)


MEASURES = {
    "faithfulness": Measure(
        "MF",
        "How soon the classifier is sure again as the pixels that the map ranks highest are added to a blurred "
        "picture; 100 is at once. Only pictures whose blurring matters count (Eq. 9).",
        torch.no_grad()(_faithfulness),
    ),
    "pr_auc": Measure("PR-AUC", "How well the scores tell the object's box from the rest (Eq. 11).", _pr_auc),
    "pointing": Measure(
        "pointing", "Share of pictures whose highest score is in the box (Eq. 10).", _pointing
    ),
    "skewness": Measure("skewness", "Above 0: most scores low, a light tail of high ones.", _skewness, None),
}
