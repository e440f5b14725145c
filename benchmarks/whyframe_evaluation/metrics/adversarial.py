"""Adversarial images: the attack, and the recovery of the label by a deletion mask.

Fong and Vedaldi 2017, section 5.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_training.losses import exclusive_logits
from whyframe_training.perturb import perturb, upsample
from whyframe_training.preserving_curve import Logits

__all__ = ["EPSILON", "STEP", "STEPS", "LabelRecovery", "iterative_attack", "label_recovery"]

EPSILON = 8 / 255
"""Largest change of a value of the image: 8 grey levels."""

STEP = 1 / 255
"""Change of a value in one step: 1 grey level."""

STEPS = 10
"""Number of steps: ``min(e + 4, 1.25 e)`` with e = 8 grey levels (Kurakin et al. 2016)."""


def iterative_attack(logits: Logits, images: Tensor, labels: Tensor, *, exclusive: bool = True) -> Tensor:
    """Perturb images so that another class is predicted, by the basic iterative method (Kurakin et al. 2016).

    `STEPS` times ``x <- clip(x + STEP * sign(grad of the cross entropy of (x, label)))``. Deterministic.

    Args:
        logits: Function from N x 3 x S x S images in [0, 1] to N x C logits.
        images: N x 3 x S x S float in [0, 1].
        labels: N int64, the classes that are to lose probability.
        exclusive: Whether the classes exclude each other; False for a multi-label classifier, whose cross entropy is
            that of the label and its absence.

    Returns:
        N x 3 x S x S in [0, 1]; each value differs from that of the image by at most `EPSILON`.
    """
    low, high = (images - EPSILON).clamp_min(0), (images + EPSILON).clamp_max(1)
    adversarial = images.detach()
    for _ in range(STEPS):
        adversarial = (adversarial + STEP * _ascent(logits, adversarial, labels, exclusive)).clamp(low, high)
    return adversarial


def _ascent(logits: Logits, images: Tensor, labels: Tensor, exclusive: bool) -> Tensor:
    """Return the sign of the gradient of the cross entropy in the images; no other gradient is kept."""
    with torch.enable_grad():
        leaf = images.detach().requires_grad_()
        scores = exclusive_logits(logits(leaf), labels, exclusive=exclusive)
        loss = F.cross_entropy(*scores, reduction="sum")  # a sum: images do not affect each other
        return torch.autograd.grad(loss, leaf)[0].sign()


@dataclass(frozen=True)
class LabelRecovery:
    """Shares of adversarial images whose clean class is predicted once the deletion mask is applied; higher is better.

    Attributes:
        top1: Share in percent where the clean class is the most probable class.
        top5: Share in percent where the clean class is among the five most probable classes.
    """

    top1: float
    top5: float


@torch.no_grad()
def label_recovery(
    logits: Logits, adversarial: Tensor, mask: Tensor, background: Tensor, clean: Tensor
) -> LabelRecovery:
    """Apply deletion masks to the adversarial images that they explain, and count the recovered labels.

    Args:
        logits: Function from N x 3 x S x S images in [0, 1] to N x C logits.
        adversarial: N x 3 x S x S float in [0, 1].
        mask: N x h x w float in [0, 1]; 1 keeps a pixel, so that salient pixels are near 0.
        background: N x 3 x S x S float in [0, 1]: the blurred adversarial images.
        clean: N int64, the classes predicted for the clean images.
    """
    masked = perturb(adversarial, upsample(mask, adversarial.shape[-2:]), background)
    scores = logits(masked)
    ranked = scores.topk(min(5, scores.shape[1]), dim=1).indices
    return LabelRecovery(_percent(ranked[:, 0] == clean), _percent((ranked == clean[:, None]).any(dim=1)))


def _percent(hits: Tensor) -> float:
    return 100 * float(hits.double().mean())
