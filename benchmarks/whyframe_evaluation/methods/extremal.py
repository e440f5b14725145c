"""Extremal perturbation: of all smooth masks of a given area, the one that excites the class most."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whyframe_evaluation.methods.mask_optimiser import blend, blurred, descend
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import GaussianBlur

__all__ = ["ExtremalPerturbation", "SmoothMask", "area_penalty"]

SHARPNESS = 20.0  # of the smooth maximum


class SmoothMask(nn.Module):
    """The max-convolution operator: ``m(u) = smax_i k(||u - c_i|| / sigma) p_i``.

    p_i is the parameter of the i-th cell and c_i its centre; ``k(r) = exp(-2 max(r - 0.5, 0)^2)`` is flat near 0, so
    that a mask reaches 1; ``smax(v) = sum_j v_j softmax(20 v)_j`` is a maximum with a gradient everywhere.

    Args:
        side: S of the image in pixels.
        step: pixels a cell.
        sigma: width of the kernel in pixels, and of the margin round the image that the mask may spill into.
    """

    kernel: Tensor

    def __init__(self, side: int, step: int = 7, sigma: float = 21.0) -> None:
        super().__init__()
        self.side, self.step = side, step
        self.cells = math.ceil(side / step)
        self.border = math.ceil(sigma / step)  # of the margin, in cells
        self.radius = 1 + self.border
        # Pixels of a cell see the same neighbours from the same distances: one kernel serves every cell.
        neighbours = torch.arange(-self.radius, self.radius + 1) * step
        within = torch.arange(step) - (step - 1) / 2
        along = (within - neighbours[:, None]).double()
        distance = torch.hypot(along[:, None, :, None], along[None, :, None, :])
        kernel = torch.exp(-2 * (distance / sigma - 0.5).clamp(min=0) ** 2)
        self.register_buffer("kernel", kernel.flatten(0, 1), persistent=False)

    def forward(self, parameters: Tensor) -> Tensor:
        """N x 1 x h x h in [0, 1] to N x 1 x T x T in [0, 1], the image and the margin round it."""
        taps, total = 2 * self.radius + 1, self.cells + 2 * self.border
        padded = F.pad(parameters, [self.radius + self.border] * 4)
        cells = F.unfold(padded, taps).view(len(padded), taps**2, total, 1, total, 1)
        values = cells * self.kernel.to(padded)[:, None, :, None, :]
        mask = (values * (SHARPNESS * values).softmax(1)).sum(1)
        return mask.reshape(-1, 1, total * self.step, total * self.step)

    def crop(self, mask: Tensor) -> Tensor:
        """N x 1 x T x T to the image's own N x 1 x S x S."""
        start = self.border * self.step
        return mask[..., start : start + self.side, start : start + self.side]


def area_penalty(mask: Tensor, areas: Tensor) -> Tensor:
    """The ranked area constraint: ``mean (sort(m) - r_a)^2``, r_a zeros but for a share a of ones.

    It is 0 for a binary mask that covers that share, and only then.

    Args:
        mask: N x 1 x h x w in [0, 1].
        areas: N shares of the mask.

    Returns:
        N.
    """
    # The first mask is full of ties, and their order decides the gradient: keep it the same everywhere.
    ranked = mask.flatten(1).sort(dim=1, stable=True).values
    place = torch.arange(ranked.shape[1], device=mask.device)
    reference = place >= ((1 - areas) * ranked.shape[1]).round().long()[:, None]
    return (ranked - reference.to(ranked)).square().mean(1)


@dataclass(frozen=True, kw_only=True)
class ExtremalPerturbation(Method):
    """``m_a = argmax_m f_c(Phi(x; m)) - lambda_t * area_penalty(m, a)``, summed over areas and smoothed.

    f_c is the logit of the class, Phi a blur of falling strength, m a `SmoothMask`; lambda grows each step.

    Attributes:
        areas: shares of the image; a mask is optimised for each.
        iterations: of gradient descent: 300 in the predictor's paper (A.3), which this method's authors run for 800.
        learning_rate: of gradient descent.
        momentum: and its dampening.
        area_weight: lambda of the first step.
        area_growth: of lambda, a step.
        sigma: of the strongest blur in pixels.
        levels: strengths of the blur, evenly spaced.
        step: pixels a mask cell.
        width: of the mask's kernel in pixels.
        smoothing: of the summed masks, a share of the side, as in the paper's pointing game: plateaus get a summit.
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
        """Its authors' settings for the pointing game: four areas, all of their iterations."""
        return replace(self, areas=(0.025, 0.05, 0.1, 0.2), iterations=800)

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        masks = self.masks(classifier, images, targets, progress).sum(1)
        side = images.shape[-1]
        return GaussianBlur(side, self.smoothing * side).to(images.device)(masks) if self.smoothing else masks

    def masks(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        """The mask of each area, N x K x S x S in [0, 1]; arguments as `explain`."""
        shown = SmoothMask(images.shape[-1], self.step, self.width).to(images.device)
        count = len(self.areas)
        areas = torch.tensor(self.areas, device=images.device, dtype=torch.float64).repeat(len(images))
        each = targets.repeat_interleave(count)[:, None]
        levels = blurred(images, torch.linspace(self.sigma, 0, self.levels).tolist())
        levels = levels.repeat_interleave(count, dim=1)
        parameters = images.new_ones(len(areas), 1, shown.cells, shown.cells).requires_grad_()

        def loss(step: int) -> Tensor:
            mask = shown(parameters)
            perturbed = blend(levels, shown.crop(mask))
            logits = classifier.logits(perturbed if step % 2 else perturbed.flip(-1))
            weight = self.area_weight * self.area_growth**step
            return weight * area_penalty(mask, areas) - logits.gather(1, each)[:, 0]

        sgd = torch.optim.SGD(
            [parameters], lr=self.learning_rate, momentum=self.momentum, dampening=self.momentum
        )
        descend(parameters, sgd, loss, range(self.iterations), lambda p: p.clamp_(0, 1), progress)
        with torch.no_grad():
            return shown.crop(shown(parameters)).reshape(len(images), count, *images.shape[2:])
