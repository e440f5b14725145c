"""The gradient of a class's logit in the pixels, as it is and times the input."""

from __future__ import annotations

from torch import Tensor

from whyframe_evaluation.methods.class_scores import gradient
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["GradientTimesInput", "VanillaGradient"]


class VanillaGradient(Method):
    """`max over channels of |dS_c / dI|`, S_c the logit: S x S, zero or more."""

    name = "gradient"
    title = "Gradient"
    paper = "Simonyan et al., Deep Inside Convolutional Networks, ICLR workshop 2014"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        return gradient(classifier.logits, images, targets).abs().amax(dim=1)


class GradientTimesInput(Method):
    """`sum over channels of x * dS_c / dx`, S x S of both signs.

    x is the image as the network sees it, normalised: a pixel of the mean colour has no say. In a network of
    rectifiers without biases the map sums to the logit.
    """

    name = "gradient-x-input"
    title = "Gradient x input"
    paper = "Shrikumar et al., Not Just a Black Box, arXiv:1605.01713, 2016"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        seen = classifier.normalise(images)
        return (seen * gradient(classifier.module, seen, targets)).sum(dim=1)
