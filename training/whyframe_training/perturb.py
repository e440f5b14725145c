"""Perturbation of images by masks in PyTorch (Fu et al. 2022, Eq. 1), and the backgrounds of the training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe.perturb import BLUR_SIGMA, blur_matrix
from whyframe_training import operators


class GaussianBlur(torch.nn.Module):
    """Separable Gaussian blur of square images, computed as two products with a dense matrix.

    It equals `whyframe.perturb.blur` before rounding; the border is reflected.

    Args:
        side: S, side of the images in pixels.
        sigma: Standard deviation in pixels.
    """

    matrix: Tensor

    def __init__(self, side: int, sigma: float = BLUR_SIGMA) -> None:
        super().__init__()
        self.side = side
        self.register_buffer("matrix", torch.tensor(blur_matrix(side, sigma)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the blurred images; N x C x S x S, shape and dtype are kept."""
        matrix = self.matrix.to(images.dtype)
        return matrix @ images @ matrix.T


def upsample(mask: Tensor, side: int) -> Tensor:
    """Resize N x h x w scores to N x 1 x S x S, bilinearly with half-pixel centres."""
    return F.interpolate(mask[:, None], size=(side, side), mode="bilinear", align_corners=False)


def perturb(images: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Return `I * M + A * (1 - M)` (Eq. 1); a score of 1 keeps the pixel.

    Args:
        images: I, N x 3 x S x S in [0, 1].
        mask: M, N x 1 x S x S in [0, 1].
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
        images: N x 3 x S x S in [0, 1].
        blur: Blur of the evaluation (sigma 10).
        generator: Generator on the CPU, so that a run draws the same on every device.

    Returns:
        N x 3 x S x S in [0, 1], with the dtype and the device of `images`.
    """
    n = len(images)
    colour = torch.rand(n, 3, 1, 1, generator=generator)
    deviation = 0.2 * torch.rand(n, 1, 1, 1, generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    plain = (colour + deviation * noise).clamp_(0, 1).to(images)
    blurred = torch.rand(n, generator=generator) < 0.5
    return torch.where(blurred.to(images.device)[:, None, None, None], blur(images), plain)
