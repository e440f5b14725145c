"""What a mask predictor is trained for: Eq. 8 of the paper, or Eq. 2 with the constraints that it does without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_training.perturb import perturb, upsample

PRESERVER_MARGIN, DESTROYER_MARGIN = 1.0, 5.0
AREA_POWER, AREA_FLOOR = 0.3, 5e-4
BORDER = 0.3


@dataclass(frozen=True)
class Objective:
    """The weights of Eq. 2; as it stands, Eq. 8: the cross-entropy of the target on what the mask preserves.

    Attributes:
        preserver: of the target on the preserved image.
        background: lambda_bg, of the target on the image that the mask leaves over.
        area: lambda_av.
        smoothness: lambda_tv.
        hinge: both classifier terms as MGnet's published code has them, margins on logits (Carlini and Wagner), rather
            than `-log f_c` and `f_c`.
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
    ) -> Tensor:
        """The objective's mean over a batch.

        Args:
            classify: N x 3 x S x S images in [0, 1] to N x classes logits.
            images: N x 3 x S x S in [0, 1].
            mask: N x h x w in [0, 1], as the controller gives it.
            backgrounds: A of Eq. 1, like `images`.
            target: N class ids.

        Returns:
            A scalar. A term of weight 0 costs nothing.
        """
        kept = upsample(mask, images.shape[-1])
        total = self.preserver * self._preserving(classify(perturb(images, kept, backgrounds)), target)
        if self.background:
            left_over = classify(perturb(images, 1 - kept, backgrounds))
            total = total + self.background * self._destroying(left_over, target)
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


def logit_margin(logits: Tensor, target: Tensor) -> Tensor:
    """How far the target's logit is above the best of the others: N x classes and N ids to N, float32."""
    wide = logits.float()
    own = wide.gather(1, target[:, None])[:, 0]
    return own - wide.scatter(1, target[:, None], -torch.inf).amax(dim=1)


def area(mask: Tensor) -> Tensor:
    """AV as MGnet's code has it, `mean((m + 5e-4) ** 0.3)`: the power drives small scores to 0. A scalar."""
    return (mask + AREA_FLOOR).pow(AREA_POWER).mean()


def total_variation(mask: Tensor) -> Tensor:
    """TV as MGnet's code has it: half the squared steps between neighbours, a little more for scores at the border.

    Args:
        mask: N x h x w.

    Returns:
        A scalar: sums over a mask, the mean over masks.
    """
    down, right = mask.diff(dim=-2).square().sum(), mask.diff(dim=-1).square().sum()
    edges = (mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1])
    border = sum((edge.square().sum() for edge in edges), mask.new_zeros(()))
    return (down + right + BORDER * border) / (2 * len(mask))
