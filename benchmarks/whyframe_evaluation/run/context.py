"""One map of one picture before the classifier: what several measures share is worked out once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from whyframe.perturb import upsample
from whyframe_evaluation.metrics.box_geometry import iou
from whyframe_evaluation.metrics.classify import as_classify
from whyframe_evaluation.metrics.heatmaps import Heatmap
from whyframe_evaluation.metrics.insertion_deletion import deletion_curve
from whyframe_evaluation.metrics.localisation import GRIDS, predicted_box
from whyframe_evaluation.metrics.minimal_deletion import BoxCurve, box_curve
from whyframe_evaluation.metrics.representativeness import suppression_curves
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.faithfulness import preserving_curve
from whyframe_training.perturb import GaussianBlur

__all__ = ["STEPS", "ClassifierContext", "MapContext"]

STEPS = 32
"""Of the preserving and the deletion curve. RISE has 224: the areas differ by less than half a point."""

_BATCH = 8


class ClassifierContext:
    """What is made once for a classifier.

    Args:
        classifier: that is explained.
    """

    def __init__(self, classifier: Classifier) -> None:
        device = classifier.mean.device
        self.logits, self.side = classifier.logits, classifier.side
        self.blur = GaussianBlur(classifier.side).to(device)
        self.classify = as_classify(classifier.logits, device, _BATCH)


class MapContext:
    """A map of a picture.

    Args:
        bench: of the classifier.
        subject: the picture.
        scores: h x w float32.
    """

    def __init__(self, bench: ClassifierContext, subject: Sample, scores: NDArray[np.float32]) -> None:
        self.bench, self.subject, self.scores = bench, subject, scores

    @cached_property
    def heatmap(self) -> Heatmap:
        """S x S: the scores at the picture's size."""
        return upsample(self.scores, self.bench.side)

    @cached_property
    def preserving(self) -> torch.Tensor:
        """q_F, ..., q_O of Eq. 9."""
        scores = torch.from_numpy(self.scores).to(self.subject.image.device)
        one = self.subject
        return preserving_curve(self.bench.logits, one.image, scores, one.target, self.bench.blur, STEPS)

    @cached_property
    def deletion(self) -> NDArray[np.float64]:
        """Probabilities as ranked pixels turn black."""
        one = self.subject
        return deletion_curve(self.bench.classify, one.frame, self.heatmap, one.target, STEPS)

    @cached_property
    def boxes(self) -> BoxCurve:
        """The boxes of the thresholds, and what is left of the class once each is blurred."""
        return box_curve(self.bench.classify, self.subject.frame, self.heatmap, self.subject.target)

    @cached_property
    def suppression(self) -> dict[str, NDArray[np.float64]]:
        """By perturbation, the normalised scores of the simplified masks."""
        one = self.subject
        return suppression_curves(self.bench.classify, one.frame, self.heatmap, one.target)

    def overlaps(self, rule: str) -> list[float]:
        """For each alpha of a rule, the largest IoU of the box that it gives with a true one."""
        return [
            max(iou(predicted_box(self.heatmap, rule, alpha), box) for box in self.subject.boxes)
            for alpha in GRIDS[rule]
        ]
