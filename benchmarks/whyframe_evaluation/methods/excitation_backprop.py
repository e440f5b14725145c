"""Excitation backprop: the probability that a neuron wins, passed back from the class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_evaluation.methods.backward_rules import (
    Function,
    RelevanceRules,
    WeightedFunction,
    divide,
    transpose,
)
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["ContrastiveExcitationBackprop", "ExcitationBackprop"]


class ExcitationBackprop(Method):
    """Marginal winning probability (MWP) of each place of a feature map, summed over its channels.

    As [Zhang et al. 2016](https://arxiv.org/abs/1608.00507), section 3.2, define it: the probability of a neuron i
    goes to its inputs j in proportion to their excitation,
    `P(a_j | a_i) = a_j ReLU(w_ij) / sum_j a_j ReLU(w_ij)`, for activations a that are not negative. Negative
    activations, which linear bottlenecks have, get 0. A sum of feature maps passes its probability to its terms in
    proportion to their activations. Biases get no probability; the probability of a neuron that only its
    bias excites is lost. The map has the resolution of the stage and is not negative.

    `explain` raises `UnsupportedOperation` for a network with an operation that has no rule.

    Args:
        stage: Index of the feature map among those at strides 4, 8, 16 and before pooling. A finer stage gives a
            finer but noisier map.
    """

    name = "excitation-backprop"
    title = "Excitation BP"
    paper = "Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016"

    def __init__(self, stage: int = 2) -> None:
        self.stage = stage

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        return self._winning(classifier, images, targets)[0]

    def _winning(
        self, classifier: Classifier, images: Tensor, targets: Tensor, negated: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the N x h x w probabilities and the weight of the network's last layer.

        Args:
            classifier: The network to explain.
            images: N x 3 x S x S RGB images in [0, 1].
            targets: N class ids.
            negated: The weight of a layer whose sign is reversed, if any.
        """
        inputs = classifier.normalise(images.detach()).requires_grad_()
        with _ExcitationRules(negated) as rules:
            stages, logits = classifier.features(inputs)
        start = F.one_hot(targets, logits.shape[1]).to(logits)
        return torch.autograd.grad(logits, stages[self.stage], start)[0].sum(dim=1), rules.last_weight


class ContrastiveExcitationBackprop(ExcitationBackprop):
    """Winning probability for the class, minus that for the opposite of the class, without its negative part.

    As [Zhang et al. 2016](https://arxiv.org/abs/1608.00507), section 3.3, define it: the opposite of the class is a
    neuron whose weights are those of the class with their signs reversed. The map has the resolution of the stage
    and is not negative. It costs two passes in each direction.

    Args:
        stage: Index of the feature map among those at strides 4, 8, 16 and before pooling.
    """

    name = "contrastive-excitation-backprop"
    title = "Contrastive excitation BP"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        winning, last_weight = self._winning(classifier, images, targets)
        # The paper subtracts below the last layer. The rules are linear, so subtracting at the stage is the same.
        return (winning - self._winning(classifier, images, targets, negated=last_weight)[0]).relu()


class _ExcitationRules(RelevanceRules):
    """Rules that pass relevance to inputs in proportion to their excitation."""

    last_weight: Tensor
    """The weight of the last convolution or linear layer that has run."""

    def __init__(self, negated: Tensor | None) -> None:
        super().__init__()
        self.negated = negated

    def weighted(self, function: Function, x: Tensor, weight: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        self.last_weight = weight
        return super().weighted(function, x, weight, *args, **kwargs)

    def share_weighted(
        self,
        relevance: Tensor,
        x: Tensor,
        function: WeightedFunction,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        excitatory = (-weight if weight is self.negated else weight).relu()
        return self.share_pooled(relevance, x, lambda x: function(x, excitatory, None))

    def share_pooled(self, relevance: Tensor, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        active = x.relu()
        return active * transpose(pool, active, divide(relevance, pool(active)))

    def share_added(self, relevance: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x, y = x.relu(), y.relu()
        share = divide(relevance, x + y)
        return x * share, y * share
