"""Loss of a mask predictor: cross-entropy alone (Fu et al. 2022, Eq. 8), or with constraints on the mask (Eq. 2).

The target of a multi-label classifier is one of two classes, the label and its absence, whatever the other labels are:
its cross-entropy is the binary cross-entropy of the label's logit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_training.perturb import perturb, upsample

# Constants of MGnet's published code.
PRESERVER_MARGIN, DESTROYER_MARGIN = 1.0, 5.0
AREA_POWER, AREA_FLOOR = 0.3, 5e-4
BORDER = 0.3


@dataclass(frozen=True)
class Objective:
    """Weights of the terms of Eq. 2. The defaults are Eq. 8: the target's cross-entropy on the preserved image.

    Attributes:
        preserver: Weight of the target's loss on the image that the mask preserves.
        background: Weight of the target's probability on the complement image (lambda_bg).
        area: Weight of the mask's area (lambda_av).
        smoothness: Weight of the mask's total variation (lambda_tv).
        hinge: Use margins on logits (Carlini and Wagner 2017) in both classifier terms, as MGnet's published code does,
            instead of `-log f_c` and `f_c`.
    """

    preserver: float = 1.0
    background: float = 0.0
    area: float = 0.0
    smoothness: float = 0.0
    hinge: bool = False

    def loss(
        self,
        classify: Callable[[Tensor], Tensor],
        images: Tensor,
        mask: Tensor,
        backgrounds: Tensor,
        target: Tensor,
        *,
        exclusive: bool = True,
    ) -> Tensor:
        """Return the objective, averaged over a batch. Constraints of weight 0 are not computed.

        Args:
            classify: Function from N x C x H x W images in [0, 1] to N x classes logits.
            images: N x C x H x W in [0, 1].
            mask: N x h x w scores in [0, 1].
            backgrounds: The images A of Eq. 1, with the shape of `images`.
            target: N class ids.
            exclusive: Whether the classes exclude each other; False for a multi-label classifier.

        Returns:
            Scalar.
        """
        kept = upsample(mask, images.shape[-2:])
        preserved = classify(perturb(images, kept, backgrounds))
        total = self.preserver * self._preserving(*exclusive_logits(preserved, target, exclusive=exclusive))
        if self.background:
            complement = classify(perturb(images, 1 - kept, backgrounds))
            destroyed = self._destroying(*exclusive_logits(complement, target, exclusive=exclusive))
            total = total + self.background * destroyed
        if self.area:
            total = total + self.area * area(mask)
        if self.smoothness:
            total = total + self.smoothness * total_variation(mask)
        return total

    def _preserving(self, logits: Tensor, target: Tensor) -> Tensor:
        if self.hinge:
            return torch.relu(PRESERVER_MARGIN - logit_margin(logits, target)).mean()
        return F.cross_entropy(logits.float(), target)

    def _destroying(self, logits: Tensor, target: Tensor) -> Tensor:
        if self.hinge:
            return torch.relu(DESTROYER_MARGIN + logit_margin(logits, target)).mean()
        return logits.float().softmax(dim=1).gather(1, target[:, None]).mean()


def exclusive_logits(logits: Tensor, target: Tensor, *, exclusive: bool) -> tuple[Tensor, Tensor]:
    """Return the logits of classes that exclude each other, and the target among them.

    For a multi-label classifier these are two classes, absence and presence of the target's label. With its logit x
    they have the logits `-x / 2` and `x / 2`: softmax gives `sigmoid(x)`, and the margin of the second is x.

    Args:
        logits: N x classes.
        target: N class ids.
        exclusive: Whether the classes exclude each other already; then nothing is changed.

    Returns:
        N x classes or N x 2 logits, and N class ids.
    """
    if exclusive:
        return logits, target
    half = logits.float().gather(1, target[:, None]) / 2
    return torch.cat((-half, half), dim=1), torch.ones_like(target)


def logit_margin(logits: Tensor, target: Tensor) -> Tensor:
    """Return the target's logit minus the largest other logit.

    Args:
        logits: N x classes.
        target: N class ids.

    Returns:
        N differences, float32.
    """
    wide = logits.float()
    own = wide.gather(1, target[:, None])[:, 0]
    return own - wide.scatter(1, target[:, None], -torch.inf).amax(dim=1)


def area(mask: Tensor) -> Tensor:
    """Return AV as in MGnet's code, `mean((m + 5e-4) ** 0.3)`, a scalar; the power drives small scores to 0."""
    return (mask + AREA_FLOOR).pow(AREA_POWER).mean()


def total_variation(mask: Tensor) -> Tensor:
    """Return TV as in MGnet's code: half the squared differences of neighbours, plus a penalty on border scores.

    Args:
        mask: N x h x w scores.

    Returns:
        A scalar, the sum over each mask, averaged over the masks.
    """
    down, right = mask.diff(dim=-2).square().sum(), mask.diff(dim=-1).square().sum()
    edges = (mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1])
    border = sum((edge.square().sum() for edge in edges), mask.new_zeros(()))
    return (down + right + BORDER * border) / (2 * len(mask))
