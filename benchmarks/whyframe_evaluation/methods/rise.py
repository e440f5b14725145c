"""RISE: the mean of random masks, weighted by the probability of the class on the masked images."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_evaluation.methods.class_scores import BATCH_SIZE, batches, version_probabilities
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["Rise"]


class Rise(Method):
    """Mean of random masks, weighted by the class's probability on the masked images.

    As [Petsiuk et al. 2018](https://arxiv.org/abs/1806.07421), section 3, define it:
    `1 / (p N) sum_k P_c(x * M_k) M_k` over N random masks `M_k`. A mask is a coarse grid of zeros and ones, enlarged
    bilinearly and shifted by less than a cell. Masked pixels take the mean colour of the network's normalisation. The
    map is H x W and not negative. All images get the same masks.

    Args:
        samples: Number N of masks. The default is the paper's for VGG16; for ResNet50 it uses 8000.
        cells: Number of cells on a side of the grid.
        keep: Probability p that a cell is 1.
        seed: Seed of the masks.
    """

    name = "rise"
    title = "RISE"
    paper = "Petsiuk et al., RISE: Randomized Input Sampling for Explanation, BMVC 2018"

    def __init__(self, samples: int = 4000, cells: int = 7, keep: float = 0.5, seed: int = 0) -> None:
        self.samples, self.cells, self.keep, self.seed = samples, cells, keep, seed

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        total, (height, width) = torch.zeros_like(images[:, 0]), images.shape[-2:]
        # Masks are drawn in the same portions for any number of images, so that they are the same masks.
        for start in range(0, self.samples, BATCH_SIZE):
            count = min(BATCH_SIZE, self.samples - start)
            masks = self.masks(count, height, width, generator).to(images)
            for batch in batches(len(masks), len(images)):
                total += self._weighted_sum(classifier, images, targets, masks[batch.start : batch.stop])
            progress(start + len(masks), self.samples)
        return total / (self.keep * self.samples)

    def masks(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Draw the next masks.

        Args:
            count: Number of masks.
            height: Height H of the image in pixels.
            width: Width W of the image in pixels.
            generator: Random generator on the CPU.

        Returns:
            Count x H x W float32 masks in [0, 1], on the CPU.
        """
        cell = tuple(-(-size // self.cells) for size in (height, width))
        cells = torch.rand(count, 1, self.cells + 1, self.cells + 1, generator=generator) < self.keep
        large = F.interpolate(
            cells.float(), scale_factor=tuple(map(float, cell)), mode="bilinear", align_corners=False
        )[:, 0]
        # A number below the least common multiple is uniform below both, and a square image takes it as it is.
        drawn = torch.randint(math.lcm(*cell), (count, 2), generator=generator)
        corners = (drawn % torch.tensor(cell)).tolist()
        return torch.stack(
            [m[y : y + height, x : x + width] for m, (y, x) in zip(large, corners, strict=True)]
        )

    def _weighted_sum(self, classifier: Classifier, images: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
        """Return the N x H x W sums of K x H x W masks, weighted by the probabilities of the masked images."""
        masked = torch.lerp(classifier.mean, images, masks[:, None, None])
        return torch.einsum("kn,khw->nhw", version_probabilities(classifier, masked, targets), masks)
