"""Accuracy of a classifier, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.data import load_frames, to_images
from whyframe_training.joint.labelled import Labelled

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of a classifier, as counts.

    Attributes:
        right: Number of correct predictions.
        count: Number of predictions, at least 1.
    """

    right: int
    count: int

    @property
    def percent(self) -> float:
        """Share of correct predictions, in percent."""
        return 100 * self.right / self.count

    def interval(self) -> tuple[float, float]:
        """Return the ends of Wilson's 95 % interval, in percent.

        Wilson's interval stays within [0, 100], also where almost all predictions are correct.
        """
        share, n = self.right / self.count, self.count
        margin = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
        centre, scale = share + Z**2 / (2 * n), 100 / (1 + Z**2 / n)
        return max(0.0, scale * (centre - margin)), min(100.0, scale * (centre + margin))

    def to_dict(self) -> dict[str, float]:
        """Return the percentage, its interval and the counts as JSON values."""
        low, high = self.interval()
        return {"percent": self.percent, "low": low, "high": high, "right": self.right, "count": self.count}


@torch.no_grad()
def measure_accuracy(classifier: Classifier, labelled: Labelled, device: torch.device) -> Accuracy:
    """Return the accuracy on uncropped images resized to S x S, in float32.

    Args:
        classifier: The classifier, on `device`.
        labelled: Images with classes of the classifier.
        device: Device to compute on.
    """
    right = 0
    for path, class_id in zip(labelled.paths, labelled.class_ids, strict=True):
        logits = classifier.logits(to_images(load_frames([path], classifier.input), device))
        right += int(logits.argmax()) == class_id
    return Accuracy(right, len(labelled.paths))
