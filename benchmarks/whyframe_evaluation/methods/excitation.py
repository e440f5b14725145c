"""Excitation backprop: the probability that a neuron wins, handed down from the class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_evaluation.methods.method import Method, Progress
from whyframe_evaluation.methods.relevance import Call, Linear, RelevanceRules, divide, transpose
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["ContrastiveExcitationBackprop", "ExcitationBackprop"]


class ExcitationBackprop(Method):
    """Marginal winning probabilities at stride 16, summed over channels, h x w, zero or more.

    `P(a_j | a_i) = a_j ReLU(w_ij) / sum over j of a_j ReLU(w_ij)`, for activations a >= 0: negative ones,
    which linear bottlenecks have, win nothing. A sum hands its probability to its terms in proportion. What a bias
    alone excites is lost. Stops at stride 16 by default: finer stages give finer, noisier maps.

    Args:
        stage: of the classifier's features (strides 4, 8, 16, last), where to stop.
    """

    name = "excitation-backprop"
    title = "Excitation BP"
    paper = "Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016"

    def __init__(self, stage: int = 2) -> None:
        self.stage = stage

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        return self._winning(classifier, images, targets)[0]

    def _winning(
        self, classifier: Classifier, images: Tensor, targets: Tensor, opposed: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The map, and the weight of the layer that gives the logits."""
        seen = classifier.normalise(images.detach()).requires_grad_()
        with _Excitation(opposed) as rules:
            stages, logits = classifier.features(seen)
        won = F.one_hot(targets, logits.shape[1]).to(logits)
        return torch.autograd.grad(logits, stages[self.stage], won)[0].sum(dim=1), rules.top


class ContrastiveExcitationBackprop(ExcitationBackprop):
    """`ReLU(MWP(class) - MWP(not the class))`, the second with the top layer's weights negated."""

    name = "contrastive-excitation-backprop"
    title = "Contrastive excitation BP"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        winning, top = self._winning(classifier, images, targets)
        # The rules are linear in the probabilities: the difference may be taken below instead of under the top.
        return (winning - self._winning(classifier, images, targets, opposed=top)[0]).relu()


class _Excitation(RelevanceRules):
    top: Tensor
    """The weight of the last weighted layer so far."""

    def __init__(self, opposed: Tensor | None) -> None:
        super().__init__()
        self.opposed = opposed

    def weighted(
        self, function: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any
    ) -> Tensor:
        self.top = weight
        return super().weighted(function, x, weight, bias, *args, **kwargs)

    def share_weighted(
        self,
        relevance: Tensor,
        x: Tensor,
        linear: Linear,
        weight: Tensor,
        bias: Tensor | None,  # noqa: ARG002
    ) -> Tensor:
        excites = (-weight if weight is self.opposed else weight).relu()
        return self.share_pooled(relevance, x, lambda x: linear(x, excites, None))

    def share_pooled(self, relevance: Tensor, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        active = x.relu()
        return active * transpose(pool, active, divide(relevance, pool(active)))

    def share_added(self, relevance: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x, y = x.relu(), y.relu()
        share = divide(relevance, x + y)
        return x * share, y * share
