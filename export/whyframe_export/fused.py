"""A classifier and its explainer as one PyTorch module with the inputs of the exported graph."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from whyframe_training.classifiers.classifier import Classifier, Features
from whyframe_training.classifiers.network_cut import capture_cut
from whyframe_training.predictor.forward_map import ForwardMap


class Explainer(Protocol):
    """Interface of what is fused with a classifier: a `MaskPredictor`, a `ClassActivationMap` or a `ForwardMap`."""

    def logit_map(self, stages: tuple[Tensor, ...], class_id: Tensor) -> Tensor:
        """Return the N x h x w float32 logits of the mask, before the controller.

        Args:
            stages: Feature maps of the classifier, fine to coarse.
            class_id: N int64 classes to explain.
        """


class FusedClassifier(nn.Module):
    """The fused network, from uint8 frames to probabilities and the logit map.

    Normalisation is included. The controller is not: the graph contains it as a separate function.

    Args:
        classifier: The network to explain, in float32 on the CPU.
        explainer: What reads the classifier's features and gives a map.
    """

    scale: Tensor
    bias: Tensor

    def __init__(self, classifier: Classifier, explainer: Explainer) -> None:
        super().__init__()
        self.network, self.explainer = classifier, explainer
        self.classes = len(classifier.labels)
        # (x / 255 - mean) / std, rearranged into one multiplication and one addition.
        self.register_buffer("scale", 1 / (255 * classifier.std))
        self.register_buffer("bias", -classifier.mean / classifier.std)

    def forward(self, frames: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the outputs of the graph up to the controller.

        Args:
            frames: N x H x W x C uint8 RGB.
            target: N int64 classes to explain; a negative number means the predicted class, and a number that is
                too large means the last class.

        Returns:
            Probabilities N x C float32, the explained classes N int64, and the logit map N x h x w float32.
        """
        features, probabilities = self.classify(frames)
        return probabilities, *self.explain(features, target)

    def explain(self, features: Features, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return the explained classes and the logit map of the features that `classify` returned; see `forward`."""
        predicted = features.logits.argmax(dim=1)
        class_id = torch.where(target < 0, predicted, target.clamp(max=self.classes - 1))
        return class_id, self.explainer.logit_map(features.stages, class_id)

    def classify(self, frames: Tensor) -> tuple[Features, Tensor]:
        """Return the features that the explainer reads, with the logits, and the probabilities; see `forward`."""
        # TensorRT-RTX cannot transpose uint8, so the cast comes first.
        images = frames.float().permute(0, 3, 1, 2) * self.scale + self.bias
        images = self.network.in_network_order(images)
        if not isinstance(self.explainer, ForwardMap):
            return self.network.classified_features(images)
        with capture_cut(self.network.module, self.explainer.cut) as found:
            features, probabilities = self.network.classified_features(images)
        return features._replace(stages=tuple(found)), probabilities
