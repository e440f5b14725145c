"""Intermediate results that several metrics of one map share, each computed once."""

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
from whyframe_training.perturb import GaussianBlur
from whyframe_training.preserving_curve import preserving_curve

__all__ = ["STEPS", "ClassifierContext", "MapContext"]

STEPS = 32
"""Steps of the preserving and the deletion curve. RISE uses 224; the areas differ by less than half a point."""

_BATCH = 8


class ClassifierContext:
    """Functions of a classifier that the metrics call, prepared once for all maps.

    Args:
        classifier: The explained network.

    Attributes:
        probabilities: Function from N x C x H x W images in [0, 1] to N x C probabilities.
        size: Height and width of the classifier's input in pixels.
        blur: Gaussian blur of the papers for images of that size.
        classify: Function from N x H x W x C uint8 frames to N x C probabilities.
    """

    def __init__(self, classifier: Classifier) -> None:
        device = classifier.mean.device
        self.probabilities, self.size = classifier.probabilities, classifier.input.shape[:2]
        self.blur = GaussianBlur(*self.size).to(device)
        self.classify = as_classify(classifier.probabilities, device, _BATCH)


class MapContext:
    """Map of a sample, and the intermediate results of its metrics.

    Args:
        classifier: Context of the explained classifier.
        sample: The image, and the class that the map explains.
        scores: The map, h x w float32.
    """

    def __init__(self, classifier: ClassifierContext, sample: Sample, scores: NDArray[np.float32]) -> None:
        self.classifier, self.sample, self.scores = classifier, sample, scores

    @cached_property
    def heatmap(self) -> Heatmap:
        """The scores enlarged to H x W, the size of the classifier's input."""
        return upsample(self.scores, *self.classifier.size)

    @cached_property
    def preserving_curve(self) -> torch.Tensor:
        """The probabilities q_F, ..., q_O (Fu et al. 2022, Eq. 9), `STEPS` + 1 values."""
        image, target = self.sample.image, self.sample.target
        scores = torch.from_numpy(self.scores).to(image.device)
        classifier = self.classifier
        return preserving_curve(classifier.probabilities, image, scores, target, classifier.blur, STEPS)

    @cached_property
    def deletion_curve(self) -> NDArray[np.float64]:
        """The probabilities while the highest-ranked pixels turn black, `STEPS` + 1 values."""
        sample = self.sample
        return deletion_curve(self.classifier.classify, sample.frame, self.heatmap, sample.target, STEPS)

    @cached_property
    def box_curve(self) -> BoxCurve:
        """A box around the map for each threshold, and the normalised probability with that box blurred."""
        return box_curve(self.classifier.classify, self.sample.frame, self.heatmap, self.sample.target)

    @cached_property
    def suppression_curves(self) -> dict[str, NDArray[np.float64]]:
        """The normalised probabilities under simplified deletion masks, by name of the perturbation."""
        sample = self.sample
        return suppression_curves(self.classifier.classify, sample.frame, self.heatmap, sample.target)

    def overlaps(self, rule: str) -> list[float]:
        """Return, for each alpha of a threshold rule, the largest IoU of its predicted box with a true box."""
        return [
            max(iou(predicted_box(self.heatmap, rule, alpha), box) for box in self.sample.boxes)
            for alpha in GRIDS[rule]
        ]
