"""Guided backprop: the gradient of a network whose rectifiers let only positive slopes back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from whyframe_evaluation.methods.class_scores import of_target
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_evaluation.methods.relevance import BackwardRules, Call, transpose, with_rule
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["GuidedBackprop"]


class GuidedBackprop(Method):
    """`max over channels of |R|`, S x S: at every rectifier `R = 1[x passes] ReLU(R above)`."""

    name = "guided-backprop"
    title = "Guided backprop"
    paper = "Springenberg et al., Striving for Simplicity, ICLR workshop 2015"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        leaf = images.detach().requires_grad_()
        seen = classifier.normalise(leaf)
        with _Guided():
            logits = classifier.module(seen)
        return torch.autograd.grad(of_target(logits, targets).sum(), leaf)[0].abs().amax(dim=1)


class _Guided(BackwardRules):
    def rectified(self, function: Call, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        def rectify(x: Tensor) -> Tensor:
            return function(x.clone(), *args, **kwargs)  # a copy, since the rectifier may work in place

        # The rectifier's own gradient knows where it lets values pass: above 0, and for ReLU6 below 6.
        return with_rule(rectify, lambda slopes, x: (transpose(rectify, x, slopes.relu()),), x)
