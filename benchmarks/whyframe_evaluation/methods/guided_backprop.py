"""Guided backprop: gradients of which every ReLU passes only the positive part back."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from whyframe_evaluation.methods.backward_rules import BackwardRules, Function, transpose, with_rule
from whyframe_evaluation.methods.class_scores import target_gradients
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["GuidedBackprop"]


class GuidedBackprop(Method):
    """Magnitude of the gradient in each pixel, where ReLUs pass only positive gradients back.

    As [Springenberg et al. 2015](https://arxiv.org/abs/1412.6806) define it: going backward through a ReLU,
    `R_in = 1[x > 0] ReLU(R_out)`, and the map is `max over channels of |R|` at the pixels, S x S and not negative.
    For ReLU6 the gradient also stops where x is 6 or more.
    """

    name = "guided-backprop"
    title = "Guided backprop"
    paper = "Springenberg et al., Striving for Simplicity, ICLR workshop 2015"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        def logits(images: Tensor) -> Tensor:
            inputs = classifier.normalise(images)
            with _GuidedRules():
                return classifier.module(inputs)  # type: ignore[no-any-return]

        return target_gradients(logits, images, targets).abs().amax(dim=1)


class _GuidedRules(BackwardRules):
    """Rules that pass only the positive gradients back through ReLUs."""

    def rectified(self, function: Function, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        def rectify(x: Tensor) -> Tensor:
            return function(x.clone(), *args, **kwargs)  # a copy, since the function may work in place

        # The function's own gradient decides where values pass: above 0, and below 6 for ReLU6.
        return with_rule(rectify, lambda gradient, x: (transpose(rectify, x, gradient.relu()),), x)
