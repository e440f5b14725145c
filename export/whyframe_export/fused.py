"""Classifier and explainer as one module with the graph contract's inputs."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from whyframe_training.classifiers.classifier import Classifier


class Explainer(Protocol):
    """What is fused with a classifier: a `MaskPredictor` or a `ClassActivationMap`."""

    def logit_map(self, stages: tuple[Tensor, ...], class_id: Tensor) -> Tensor:
        """Features and N classes to N x h x w scores before the controller."""


class FusedClassifier(nn.Module):
    """Frames and targets to probabilities, class and the logit map, normalisation included.

    The controller is not part of it: it enters the graph as a function of its own.

    Args:
        classifier: in float32 on the CPU.
        explainer: of that classifier's features.
    """

    scale: Tensor
    bias: Tensor

    def __init__(self, classifier: Classifier, explainer: Explainer) -> None:
        super().__init__()
        self.network, self.taps = classifier, classifier.taps
        self.explainer = explainer
        self.classes = len(classifier.labels)
        # (x / 255 - mean) / std as one product and one sum.
        self.register_buffer("scale", 1 / (255 * classifier.std))
        self.register_buffer("bias", -classifier.mean / classifier.std)

    def forward(self, frames: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The fused graph up to the controller.

        Args:
            frames: N x S x S x 3 uint8 RGB.
            target: N int64; below 0 is the predicted class, above the last class is the last.

        Returns:
            probabilities N x C, class_id N int64, logit map N x h x w; float32.
        """
        # Cast before Transpose: TensorRT-RTX takes no uint8 transpose.
        images = frames.float().permute(0, 3, 1, 2) * self.scale + self.bias
        seen = self.network.features(images)
        predicted = seen.logits.argmax(dim=1)
        class_id = torch.where(target < 0, predicted, target.clamp(max=self.classes - 1))
        return seen.logits.softmax(dim=1), class_id, self.explainer.logit_map(seen.stages, class_id)
