"""Extremal perturbation: of all smooth masks of a given area, the one that excites the class most."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whyframe_evaluation.methods.class_scores import target_scores
from whyframe_evaluation.methods.mask_optimiser import blend, blurred, descend
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import GaussianBlur

__all__ = ["ExtremalPerturbation", "SmoothMask", "area_penalty"]

SHARPNESS = 20.0  # of the smooth maximum


class SmoothMask(nn.Module):
    """Max-convolution of a grid of parameters: `m(u) = smax_i k(||u - c_i|| / sigma) p_i`.

    The parameter `p_i` belongs to the i-th cell, whose centre is `c_i`. The kernel `k(r) = exp(-2 max(r - 0.5, 0)^2)`
    is flat near 0, so that a mask reaches 1. The smooth maximum `smax(v) = sum_j v_j softmax(20 v)_j` has a gradient
    everywhere.

    Args:
        height: Height H of the image in pixels.
        width: Width W of the image in pixels.
        step: Side of a cell in pixels.
        sigma: Width of the kernel in pixels, and width of the margin around the image that the mask may cover.
    """

    kernel: Tensor

    def __init__(self, height: int, width: int, step: int = 7, sigma: float = 21.0) -> None:
        super().__init__()
        self.size, self.step = (height, width), step
        self.cells = math.ceil(height / step), math.ceil(width / step)
        self.border = math.ceil(sigma / step)  # width of the margin in cells
        self.radius = 1 + self.border
        # The pixels of every cell have the same distances to its neighbours, so all cells share one kernel.
        neighbours = torch.arange(-self.radius, self.radius + 1) * step
        within = torch.arange(step) - (step - 1) / 2
        along = (within - neighbours[:, None]).double()
        distance = torch.hypot(along[:, None, :, None], along[None, :, None, :])
        kernel = torch.exp(-2 * (distance / sigma - 0.5).clamp(min=0) ** 2)
        self.register_buffer("kernel", kernel.flatten(0, 1), persistent=False)

    def forward(self, parameters: Tensor) -> Tensor:
        """Return N x 1 x T x U masks of the image and its margin, given N x 1 x h x w parameters, all in [0, 1]."""
        neighbours = 2 * self.radius + 1
        rows, columns = (cells + 2 * self.border for cells in self.cells)
        padded = F.pad(parameters, [self.radius + self.border] * 4)
        cells = F.unfold(padded, neighbours).view(len(padded), neighbours**2, rows, 1, columns, 1)
        values = cells * self.kernel.to(padded)[:, None, :, None, :]
        mask = (values * (SHARPNESS * values).softmax(1)).sum(1)
        return mask.reshape(-1, 1, rows * self.step, columns * self.step)

    def crop(self, mask: Tensor) -> Tensor:
        """Return the N x 1 x H x W part of N x 1 x T x U masks that covers the image."""
        start, (height, width) = self.border * self.step, self.size
        return mask[..., start : start + height, start : start + width]


def area_penalty(mask: Tensor, areas: Tensor) -> Tensor:
    """Return the ranked area constraint `mean (sort(m) - r_a)^2`, where a share a of `r_a` is 1 and the rest 0.

    The penalty is 0 only for a binary mask of that area.

    Args:
        mask: N x 1 x h x w scores in [0, 1].
        areas: N areas, as shares of the mask.

    Returns:
        N penalties.
    """
    # The first mask is full of ties, whose order decides the gradient. A stable sort makes it the same everywhere.
    ranked = mask.flatten(1).sort(dim=1, stable=True).values
    place = torch.arange(ranked.shape[1], device=mask.device)
    reference = place >= ((1 - areas) * ranked.shape[1]).round().long()[:, None]
    return (ranked - reference.to(ranked)).square().mean(1)


@dataclass(frozen=True, kw_only=True)
class ExtremalPerturbation(Method):
    """Smooth mask of a given area that maximises the logit of the class.

    As [Fong et al. 2019](https://arxiv.org/abs/1910.08485), section 3, define it:
    `m_a = argmax_m f_c(Phi(x; m)) - lambda_t area_penalty(m, a)`, where `f_c` is the logit of class c, Phi blurs the
    image where m is low, m is a `SmoothMask`, and `lambda_t` grows with each step t. The map is the sum of the masks
    of all areas, smoothed, H x W.

    Attributes:
        areas: Areas as shares of the image. A mask is optimised for each.
        iterations: Number of gradient steps: 300 as in Fu et al. 2022, A.3. The authors of the method use 800.
        learning_rate: Learning rate of gradient descent.
        momentum: Momentum of gradient descent, and its dampening.
        area_weight: Weight lambda at the first step.
        area_growth: Factor by which lambda grows in each step.
        sigma: Standard deviation in pixels of the strongest blur.
        levels: Number of blur strengths, evenly spaced.
        step: Side of a mask cell in pixels.
        width: Width of the mask's kernel in pixels.
        smoothing: Standard deviation of the blur of the summed masks, as a share of the image's shorter side; 0 for no
            blur. The paper's pointing game smooths them so that a plateau gets a maximum.
    """

    name = "extremal-perturbation"
    title = "Extremal perturbation"
    mask = True
    paper = (
        "Fong, Patrick and Vedaldi, "
        "Understanding deep networks via extremal perturbations and smooth masks, ICCV 2019"
    )

    areas: tuple[float, ...] = (0.1,)
    iterations: int = 300
    learning_rate: float = 0.01
    momentum: float = 0.9
    area_weight: float = 300.0
    area_growth: float = 1.0035
    sigma: float = 20.0
    levels: int = 8
    step: int = 7
    width: float = 21.0
    smoothing: float = 0.09

    def for_pointing(self) -> ExtremalPerturbation:
        """Return the method with its authors' settings for the pointing game: four areas, 800 iterations."""
        return replace(self, areas=(0.025, 0.05, 0.1, 0.2), iterations=800)

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        masks = self.masks(classifier, images, targets, progress).sum(1)
        if not self.smoothing:
            return masks
        size = images.shape[-2:]
        blur: Tensor = GaussianBlur(*size, sigma=self.smoothing * min(size)).to(images.device)(masks)
        return blur

    def masks(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        """Optimise the mask of each area.

        Args:
            classifier: As for `explain`.
            images: As for `explain`.
            targets: As for `explain`.
            progress: As for `explain`.

        Returns:
            N x K x H x W masks in [0, 1] of the K areas.
        """
        height, width = images.shape[-2:]
        smooth = SmoothMask(height, width, self.step, self.width).to(images.device)
        count = len(self.areas)
        areas = torch.tensor(self.areas, device=images.device, dtype=torch.float64).repeat(len(images))
        repeated_targets = targets.repeat_interleave(count)
        levels = blurred(images, torch.linspace(self.sigma, 0, self.levels).tolist())
        levels = levels.repeat_interleave(count, dim=1)
        parameters = images.new_ones(len(areas), 1, *smooth.cells).requires_grad_()

        def loss(step: int) -> Tensor:
            mask = smooth(parameters)
            perturbed = blend(levels, smooth.crop(mask))
            logits = classifier.logits(perturbed if step % 2 else perturbed.flip(-1))
            weight = self.area_weight * self.area_growth**step
            return weight * area_penalty(mask, areas) - target_scores(logits, repeated_targets)

        sgd = torch.optim.SGD(
            [parameters], lr=self.learning_rate, momentum=self.momentum, dampening=self.momentum
        )
        descend(parameters, sgd, loss, self.iterations, lambda p: p.clamp_(0, 1), progress)
        with torch.no_grad():
            return smooth.crop(smooth(parameters)).reshape(len(images), count, *images.shape[2:])
