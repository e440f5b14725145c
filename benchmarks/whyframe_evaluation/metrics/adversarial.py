"""Adversarial pictures (second paper, 5.5): making them, and recovering their label by a heatmap."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_training.faithfulness import Logits
from whyframe_training.perturb import perturb, upsample

__all__ = ["EPSILON", "STEP", "Recovery", "attack_steps", "iterative_attack", "label_recovery"]

EPSILON = 8 / 255
"""The largest change of a pixel: 8 grey levels."""

STEP = 1 / 255


def attack_steps(epsilon: float = EPSILON, step: float = STEP) -> int:
    """Kurakin, Goodfellow and Bengio's number of steps, ``min(e + 4, 1.25 e)`` for e steps to the border."""
    reach = epsilon / step
    return round(min(reach + 4, 1.25 * reach))


def iterative_attack(
    logits: Logits,
    images: Tensor,
    labels: Tensor,
    epsilon: float = EPSILON,
    step: float = STEP,
    steps: int | None = None,
) -> Tensor:
    """The basic iterative method: ``x <- clip(x + step * sign(grad CE(x, label)))`` (Kurakin et al., 2016).

    One step of size epsilon (``step=epsilon, steps=1``) is the fast gradient sign method. Deterministic.

    Args:
        logits: N x 3 x S x S images in [0, 1] to N x classes.
        images: N x 3 x S x S in [0, 1].
        labels: N, the classes to leave.
        epsilon: the largest change of a value.
        step: of one iteration.
        steps: iterations; `attack_steps` unless given.

    Returns:
        N x 3 x S x S in [0, 1], each value within epsilon of its own.
    """
    low, high = (images - epsilon).clamp_min(0), (images + epsilon).clamp_max(1)
    seen = images.detach()
    for _ in range(attack_steps(epsilon, step) if steps is None else steps):
        seen = (seen + step * _ascent(logits, seen, labels)).clamp(low, high)
    return seen


def _ascent(logits: Logits, images: Tensor, labels: Tensor) -> Tensor:
    """The sign of the cross entropy's gradient in the images; no other gradient is kept."""
    with torch.enable_grad():
        leaf = images.detach().requires_grad_()
        loss = F.cross_entropy(logits(leaf), labels, reduction="sum")  # a sum: each image alone
        return torch.autograd.grad(loss, leaf)[0].sign()


@dataclass(frozen=True)
class Recovery:
    """Shares in percent of the adversarial pictures whose label came back once the mask was applied.

    Attributes:
        clean: the class predicted for the clean picture is first again.
        truth: the true class is first.
        clean_in_top5: the class predicted for the clean picture is among the first five.
        count: pictures.
    """

    clean: float
    truth: float
    clean_in_top5: float
    count: int


@torch.no_grad()
def label_recovery(
    logits: Logits, adversarial: Tensor, mask: Tensor, background: Tensor, clean: Tensor, truth: Tensor
) -> Recovery:
    """Applies deletion masks to the pictures they were learned on.

    Args:
        logits: N x 3 x S x S images in [0, 1] to N x classes.
        adversarial: N x 3 x S x S.
        mask: N x h x w in [0, 1]; 1 keeps a pixel, so the salient ones are near 0.
        background: like ``adversarial``: the pictures blurred.
        clean: N, the classes predicted for the clean pictures.
        truth: N, the true classes.
    """
    masked = perturb(adversarial, upsample(mask, adversarial.shape[-1]), background)
    scores = logits(masked)
    ranked = scores.topk(min(5, scores.shape[1]), dim=1).indices
    return Recovery(
        _percent(ranked[:, 0] == clean),
        _percent(ranked[:, 0] == truth),
        _percent((ranked == clean[:, None]).any(dim=1)),
        len(adversarial),
    )


def _percent(hits: Tensor) -> float:
    return 100 * float(hits.double().mean())
