"""Perturbation of images by masks in PyTorch (Fu et al. 2022, Eq. 1), and the backgrounds of the training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe.perturb import BLUR_SIGMA, blur_matrix
from whyframe_training import operators


class GaussianBlur(torch.nn.Module):
    """Separable Gaussian blur of images, computed as two products with dense matrices.

    It equals `whyframe.perturb.blur` before rounding; the border is reflected.

    Args:
        height: Height H of the images, in pixels.
        width: Width W of the images, in pixels; None for that of a square.
        sigma: Standard deviation in pixels.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, height: int, width: int | None = None, *, sigma: float = BLUR_SIGMA) -> None:
        super().__init__()
        self.size = height, width or height
        for name, samples in zip(("rows", "columns"), self.size, strict=True):
            self.register_buffer(name, torch.tensor(blur_matrix(samples, sigma)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the blurred images; N x C x H x W, shape and dtype are kept."""
        return self.rows.to(images.dtype) @ images @ self.columns.to(images.dtype).T


def upsample(mask: Tensor, size: int | Sequence[int]) -> Tensor:
    """Resize N x h x w scores to N x 1 x H x W, bilinearly with half-pixel centres.

    Args:
        mask: N x h x w scores.
        size: Height and width in pixels, as two numbers, or as one for a square.
    """
    height, width = (size, size) if isinstance(size, int) else size
    return F.interpolate(mask[:, None], size=(height, width), mode="bilinear", align_corners=False)


def perturb(images: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Return `I * M + A * (1 - M)` (Eq. 1); a score of 1 keeps the pixel.

    Args:
        images: I, N x C x H x W in [0, 1].
        mask: M, N x 1 x H x W in [0, 1].
        background: A, with the shape of `images`.
    """
    if kernel_supports(images, mask, background):
        return operators.perturb(images, mask, background)
    return torch.lerp(background, images, mask.to(images.dtype))


def kernel_supports(images: Tensor, mask: Tensor, background: Tensor) -> bool:
    """Return whether the CUDA kernel can compute `perturb`.

    It broadcasts the mask over the channels only, and has a gradient for the mask only.
    """
    plain = mask.shape == (len(images), 1, *images.shape[2:]) and images.shape == background.shape
    learned = images.requires_grad or background.requires_grad
    same = images.dtype == background.dtype
    return plain and same and not learned and operators.supports(images, background, mask)


def random_backgrounds(images: Tensor, blur: GaussianBlur, generator: torch.Generator) -> Tensor:
    """Draw the backgrounds of the training: with equal probability the blurred image or a random colour with noise.

    The noise is Gaussian, with a standard deviation between 0 and 0.2.

    Args:
        images: N x C x H x W in [0, 1].
        blur: Blur of the evaluation (sigma 10).
        generator: Generator on the CPU, so that a run draws the same on every device.

    Returns:
        N x C x H x W in [0, 1], with the dtype and the device of `images`.
    """
    n = len(images)
    colour = torch.rand(n, images.shape[1], 1, 1, generator=generator)
    deviation = 0.2 * torch.rand(n, 1, 1, 1, generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    plain = (colour + deviation * noise).clamp_(0, 1).to(images)
    blurred = torch.rand(n, generator=generator) < 0.5
    return torch.where(blurred.to(images.device)[:, None, None, None], blur(images), plain)
