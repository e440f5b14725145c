"""Local explanations (second paper, 3.2): the first-order rule, what it means, and how far it holds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Score", "first_order", "gradient", "mask_gradient", "rule_error"]

Score = Callable[[Tensor], Tensor]
"""N x 3 x S x S images to N scores."""


def gradient(score: Score, image: Tensor) -> Tensor:
    """S_1 = grad f(x_0), of the image's shape; for a linear f it is w, whatever the image.

    Args:
        score: f.
        image: 3 x S x S, x_0.
    """
    with torch.enable_grad():
        leaf = image.detach().clone().requires_grad_()
        return torch.autograd.grad(score(leaf[None]).sum(), leaf)[0]


def mask_gradient(score: Score, image: Tensor) -> Tensor:
    """S_2 = d f(x_0 * m) / dm at m = 1, which is ``grad f(x_0) * x_0``; for a linear f it is ``w * x_0``."""
    with torch.enable_grad():
        mask = torch.ones_like(image).requires_grad_()
        return torch.autograd.grad(score((image.detach() * mask)[None]).sum(), mask)[0]


def first_order(score: Score, image: Tensor) -> Score:
    """Eq. 2: the rule ``Q(x) = f(x_0) + <grad f(x_0), x - x_0>``.

    Args:
        score: f.
        image: 3 x S x S, x_0.

    Returns:
        N x 3 x S x S images to N predicted scores.
    """
    slope = gradient(score, image)
    with torch.no_grad():
        level = score(image[None])[0]
    return lambda images: level + ((images - image) * slope).flatten(1).sum(dim=1)


@torch.no_grad()
def rule_error(rule: Score, score: Score, images: Tensor) -> float:
    """The mean absolute difference between what a rule predicts and what the black box says.

    Args:
        rule: the explanation Q.
        score: the black box f.
        images: N x 3 x S x S from the neighbourhood that the rule is about.
    """
    return float((rule(images) - score(images)).abs().mean())
