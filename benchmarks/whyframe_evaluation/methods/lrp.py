"""Layer-wise relevance propagation: the logit handed down to the pixels, in shares of what made each sum."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_evaluation.methods.class_scores import of_target
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_evaluation.methods.relevance import Linear, RelevanceRules, divide, transpose
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["LrpAlphaBeta", "LrpEpsilon"]

_PAPER = "Bach et al., On Pixel-Wise Explanations by Layer-Wise Relevance Propagation, PLoS ONE 2015"


class _Lrp(Method):
    """Relevance of the normalised pixels, summed over channels, S x S of both signs."""

    paper = _PAPER

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        seen = classifier.normalise(images.detach()).requires_grad_()
        with self._rules():
            logits = classifier.module(seen)
        start = F.one_hot(targets, logits.shape[1]) * of_target(logits, targets).detach()[:, None]
        return torch.autograd.grad(logits, seen, start)[0].sum(dim=1)

    @abstractmethod
    def _rules(self) -> RelevanceRules:
        """The rules inside which the network runs."""


class LrpEpsilon(_Lrp):
    """`R_i = sum over j of z_ij / (z_j + epsilon sign(z_j)) R_j`, `z_ij = x_i w_ij`, `z_j` with its bias (Eq. 58).

    Args:
        epsilon: keeps a sum near zero from blowing up.
    """

    name, title = "lrp-epsilon", "LRP (epsilon)"

    def __init__(self, epsilon: float = 0.01) -> None:
        self.epsilon = epsilon

    def _rules(self) -> RelevanceRules:
        return _Epsilon(self.epsilon)


class LrpAlphaBeta(_Lrp):
    """`R_i = sum over j of (alpha z+_ij / z+_j - beta z-_ij / z-_j) R_j`, beta = alpha - 1 (Eq. 60).

    For convolutions and linear layers, biases in their sums by their sign; averages take the epsilon rule, and a sum
    of two feature maps goes to them in proportion to their magnitudes, which never blows up.

    Args:
        alpha: of what speaks for; 2, and so beta 1, as in the authors' study of ImageNet networks.
    """

    name, title = "lrp-alpha-beta", "LRP (alpha-beta)"

    def __init__(self, alpha: float = 2.0) -> None:
        self.alpha = alpha

    def _rules(self) -> RelevanceRules:
        return _AlphaBeta(self.alpha)


class _Epsilon(RelevanceRules):
    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def share_weighted(
        self, relevance: Tensor, x: Tensor, linear: Linear, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        total = self._stable(linear(x, weight, bias))
        return x * transpose(lambda x: linear(x, weight, None), x, relevance / total)

    def share_pooled(self, relevance: Tensor, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        return x * transpose(pool, x, relevance / self._stable(pool(x)))

    def share_added(self, relevance: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        share = relevance / self._stable(x + y)
        return x * share, y * share

    def _stable(self, total: Tensor) -> Tensor:
        return total + torch.where(total >= 0, self.epsilon, -self.epsilon)


class _AlphaBeta(_Epsilon):
    def __init__(self, alpha: float) -> None:
        super().__init__(epsilon=1e-6)
        self.alpha, self.beta = alpha, alpha - 1

    def share_weighted(
        self, relevance: Tensor, x: Tensor, linear: Linear, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        speaks_for = _part(relevance, x, linear, weight, bias, sign=1)
        against = _part(relevance, x, linear, weight, bias, sign=-1) if self.beta else 0
        return self.alpha * speaks_for - self.beta * against

    def share_added(self, relevance: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        share = divide(relevance, x.abs() + y.abs())
        return x.abs() * share, y.abs() * share


def _part(
    relevance: Tensor, x: Tensor, linear: Linear, weight: Tensor, bias: Tensor | None, sign: int
) -> Tensor:
    """`sum over j of z_ij / z_j R_j` over the products (and biases) of one sign, all taken as positive."""
    up, down = (sign * weight).relu(), (-sign * weight).relu()
    rise = None if bias is None else (sign * bias).relu()
    plus, minus = x.relu(), (-x).relu()
    share = divide(relevance, linear(plus, up, rise) + linear(minus, down, None))
    return plus * transpose(lambda x: linear(x, up, None), plus, share) + minus * transpose(
        lambda x: linear(x, down, None), minus, share
    )
