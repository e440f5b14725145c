"""Layer-wise relevance propagation (LRP): the logit, passed back to the pixels layer by layer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_evaluation.methods.backward_rules import RelevanceRules, WeightedFunction, divide, transpose
from whyframe_evaluation.methods.class_scores import target_scores
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["LrpAlphaBeta", "LrpEpsilon"]


class _Lrp(Method):
    """Relevance of the normalised pixels, starting from the class's logit and summed over channels."""

    paper = "Bach et al., On Pixel-Wise Explanations by Layer-Wise Relevance Propagation, PLoS ONE 2015"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        inputs = classifier.normalise(images.detach()).requires_grad_()
        with self._rules():
            logits = classifier.module(inputs)
        start = F.one_hot(targets, logits.shape[1]) * target_scores(logits, targets).detach()[:, None]
        return torch.autograd.grad(logits, inputs, start)[0].sum(dim=1)

    @abstractmethod
    def _rules(self) -> RelevanceRules:
        """Return the rules under which the network runs."""


class LrpEpsilon(_Lrp):
    """Relevance of each pixel under the epsilon rule of LRP.

    As [Bach et al. 2015](https://doi.org/10.1371/journal.pone.0130140), Eq. 58, define it: the relevance of an
    output j goes to its inputs i in proportion to their products `z_ij = x_i w_ij`,
    `R_i = sum_j z_ij / (z_j + epsilon sign(z_j)) R_j`, where `z_j` is the sum of the products and the bias. The map
    is S x S with both signs.

    `explain` raises `UnsupportedOperation` for a network with an operation that has no rule.

    Args:
        epsilon: Number added to the magnitude of each sum, so that a sum near 0 gives no huge relevance.
    """

    name, title = "lrp-epsilon", "LRP (epsilon)"

    def __init__(self, epsilon: float = 0.01) -> None:
        self.epsilon = epsilon

    def _rules(self) -> RelevanceRules:
        return _EpsilonRules(self.epsilon)


class LrpAlphaBeta(_Lrp):
    """Relevance of each pixel under the alpha-beta rule of LRP.

    As [Bach et al. 2015](https://doi.org/10.1371/journal.pone.0130140), Eq. 60, define it: positive products
    `z+_ij` and negative products `z-_ij` are normalised separately,
    `R_i = sum_j (alpha z+_ij / z+_j - beta z-_ij / z-_j) R_j` with `beta = alpha - 1`. The sums `z+_j` and `z-_j`
    include the bias if it has their sign. The rule holds for convolutions and linear layers. Average pooling takes
    the epsilon rule, and a sum of two feature maps passes relevance in proportion to their magnitudes, which stays
    bounded. The map is S x S with both signs.

    `explain` raises `UnsupportedOperation` for a network with an operation that has no rule.

    Args:
        alpha: Weight of the positive products. The default 2, with beta 1, is that of the authors' experiments on
            ImageNet networks.
    """

    name, title = "lrp-alpha-beta", "LRP (alpha-beta)"

    def __init__(self, alpha: float = 2.0) -> None:
        self.alpha = alpha

    def _rules(self) -> RelevanceRules:
        return _AlphaBetaRules(self.alpha)


class _EpsilonRules(RelevanceRules):
    """The epsilon rule for every kind of layer (Bach et al. 2015, Eq. 58)."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def share_weighted(
        self, relevance: Tensor, x: Tensor, function: WeightedFunction, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        total = self._stabilised(function(x, weight, bias))
        return x * transpose(lambda x: function(x, weight, None), x, relevance / total)

    def share_pooled(self, relevance: Tensor, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        return x * transpose(pool, x, relevance / self._stabilised(pool(x)))

    def share_added(self, relevance: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        share = relevance / self._stabilised(x + y)
        return x * share, y * share

    def _stabilised(self, total: Tensor) -> Tensor:
        """Return `total` moved away from 0 by epsilon."""
        return total + torch.where(total >= 0, self.epsilon, -self.epsilon)


class _AlphaBetaRules(_EpsilonRules):
    """The alpha-beta rule for convolutions and linear layers (Bach et al. 2015, Eq. 60)."""

    def __init__(self, alpha: float) -> None:
        super().__init__(epsilon=1e-6)
        self.alpha, self.beta = alpha, alpha - 1

    def share_weighted(
        self, relevance: Tensor, x: Tensor, function: WeightedFunction, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        positive = _share_by_sign(relevance, x, function, weight, bias, sign=1)
        negative = _share_by_sign(relevance, x, function, weight, bias, sign=-1) if self.beta else 0
        return self.alpha * positive - self.beta * negative

    def share_added(self, relevance: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        share = divide(relevance, x.abs() + y.abs())
        return x.abs() * share, y.abs() * share


def _share_by_sign(
    relevance: Tensor, x: Tensor, function: WeightedFunction, weight: Tensor, bias: Tensor | None, sign: int
) -> Tensor:
    """Return `sum_j z_ij / z_j R_j`, where z are the magnitudes of the products of one sign."""
    same, opposite = (sign * weight).relu(), (-sign * weight).relu()
    same_bias = None if bias is None else (sign * bias).relu()
    positive, negative = x.relu(), (-x).relu()
    share = divide(relevance, function(positive, same, same_bias) + function(negative, opposite, None))
    return positive * transpose(lambda x: function(x, same, None), positive, share) + negative * transpose(
        lambda x: function(x, opposite, None), negative, share
    )
