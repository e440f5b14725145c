"""What the methods that optimise a mask share: perturbed images, a smoothness penalty, and the descent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from whyframe_evaluation.methods.method import Progress
from whyframe_training.perturb import GaussianBlur, perturb

__all__ = ["blend", "blurred", "descend", "stretch", "total_variation"]

_SMALLEST = 1e-8  # range of a map that is not flat


def blurred(images: Tensor, sigmas: Sequence[float]) -> Tensor:
    """The images under each of L Gaussian blurs.

    Args:
        images: N x 3 x S x S.
        sigmas: L standard deviations in pixels; 0 leaves the images as they are.

    Returns:
        L x N x 3 x S x S.
    """
    side = images.shape[-1]
    return torch.stack(
        [GaussianBlur(side, sigma).to(images.device)(images) if sigma else images for sigma in sigmas]
    )


def blend(levels: Tensor, mask: Tensor) -> Tensor:
    """Phi(x; m): each pixel from the levels on both sides of its score, interpolated; Eq. 1 for two levels.

    Args:
        levels: L x N x 3 x S x S, evenly spaced from the image deleted (a score of 0) to the image itself (1).
        mask: N x 1 x S x S in [0, 1].

    Returns:
        N x 3 x S x S.
    """
    position = mask * (len(levels) - 1)
    # A score of 1 belongs to the last interval: as a point of its own it would have no gradient.
    below = position.detach().floor().clamp(0, len(levels) - 2)
    index = below.long()[None].expand(1, *levels.shape[1:])
    low, high = levels.gather(0, index)[0], levels.gather(0, index + 1)[0]
    return perturb(high, position - below, low)


def total_variation(mask: Tensor, beta: float) -> Tensor:
    """Sum over pixels of ``||grad m||^beta``: forward differences, zero past the last row and column.

    Args:
        mask: N x 1 x h x w.
        beta: 3 in the paper; larger ones spare gentle slopes and punish steps.

    Returns:
        N.
    """
    down = torch.diff(mask, dim=2, append=mask[:, :, -1:])
    right = torch.diff(mask, dim=3, append=mask[..., -1:])
    squares = down.square() + right.square()
    # Below beta = 2 the power has no finite slope at 0; clamped, flat parts have none at all.
    return squares.clamp(min=1e-12).pow(beta / 2).flatten(1).sum(1)


def stretch(maps: Tensor) -> Tensor:
    """N x 1 x h x w onto [0, 1], each map by its own extremes; a flat one becomes 0."""
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return (maps - low) / (high - low).clamp(min=_SMALLEST)


def descend(
    parameter: Tensor,
    optimiser: torch.optim.Optimizer,
    loss: Callable[[int], Tensor],
    steps: range,
    project: Callable[[Tensor], object],
    tell: Progress,
) -> None:
    """Descends `loss` by the parameter, in place.

    The losses of a batch are summed and every update is elementwise, so that each image goes its own way. Only
    the parameter's gradient is taken: the classifier's weights never get one.

    Args:
        parameter: N x ..., a leaf, the only one in `optimiser`.
        optimiser: Adam or SGD.
        loss: a step to N losses.
        steps: those to take.
        project: puts the parameter back where it must be, after each step.
        tell: told the number of steps done, of `steps.stop`.
    """
    for step in steps:
        (parameter.grad,) = torch.autograd.grad(loss(step).sum(), parameter)
        optimiser.step()
        with torch.no_grad():
            project(parameter)
        tell(step + 1, steps.stop)
