"""Steps of the methods that optimise a mask: perturbed images, a smoothness penalty, and gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from whyframe_evaluation.methods.method import Progress
from whyframe_training.perturb import GaussianBlur, perturb

__all__ = ["blend", "blurred", "descend", "stretch", "total_variation"]

_SMALLEST_RANGE = 1e-8  # keeps the division defined for a constant map


def blurred(images: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Return the images under each of L Gaussian blurs.

    Args:
        images: N x C x H x W images.
        sigmas: L standard deviations in pixels; 0 leaves the images as they are.

    Returns:
        L x N x C x H x W images.
    """
    size = images.shape[-2:]
    return torch.stack(
        [GaussianBlur(*size, sigma=sigma).to(images.device)(images) if sigma else images for sigma in sigmas]
    )


def blend(levels: Tensor, mask: Tensor) -> Tensor:
    """Return images whose pixels are interpolated between the two levels next to their score.

    With two levels this is the perturbation of Fu et al. 2022, Eq. 1.

    Args:
        levels: L x N x C x H x W images for evenly spaced scores, from the fully deleted image (score 0) to the
            image itself (score 1).
        mask: N x 1 x H x W scores in [0, 1].

    Returns:
        N x C x H x W images.
    """
    position = mask * (len(levels) - 1)
    # A score of 1 belongs to the last interval; on an interval of its own it would have no gradient.
    below = position.detach().floor().clamp(0, len(levels) - 2)
    index = below.long()[None].expand(1, *levels.shape[1:])
    low, high = levels.gather(0, index)[0], levels.gather(0, index + 1)[0]
    return perturb(high, position - below, low)


def total_variation(mask: Tensor, beta: float) -> Tensor:
    """Return the sum over pixels of `||grad m||^beta`, with forward differences that are 0 at the last row and column.

    The norm is Euclidean. Fong and Vedaldi 2017, Eq. 4, print the beta norm.

    Args:
        mask: N x 1 x h x w scores.
        beta: Exponent, 3 in Fong and Vedaldi 2017. A larger exponent penalises steps more and gentle slopes less.

    Returns:
        N sums.
    """
    down = torch.diff(mask, dim=2, append=mask[:, :, -1:])
    right = torch.diff(mask, dim=3, append=mask[..., -1:])
    squares = down.square() + right.square()
    # For beta below 2 the power has no finite slope at 0; a clamped value has a slope of 0.
    return squares.clamp(min=1e-12).pow(beta / 2).flatten(1).sum(1)


def stretch(maps: Tensor) -> Tensor:
    """Return N x 1 x h x w maps, each stretched to [0, 1] by its own minimum and maximum; a constant map becomes 0."""
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return (maps - low) / (high - low).clamp(min=_SMALLEST_RANGE)


def descend(
    parameter: Tensor,
    optimiser: torch.optim.Optimizer,
    loss: Callable[[int], Tensor],
    steps: int,
    project: Callable[[Tensor], object],
    progress: Progress,
) -> None:
    """Minimise a loss by gradient descent on one parameter, in place.

    The losses of a batch are summed and every update is elementwise, so the images do not affect each other. Only
    the gradient of the parameter is computed, not those of the classifier's weights.

    Args:
        parameter: N x ... leaf tensor, the only parameter of `optimiser`.
        optimiser: Adam or SGD.
        loss: Function from the step, counted from 0, to N losses.
        steps: Number of steps.
        project: Function that moves the parameter back into its valid range, in place, after each step.
        progress: Function that is called with the number of finished steps and `steps`.
    """
    for step in range(steps):
        (parameter.grad,) = torch.autograd.grad(loss(step).sum(), parameter)
        optimiser.step()
        with torch.no_grad():
            project(parameter)
        progress(step + 1, steps)
