"""RISE: the mean of random masks, weighted by the class's probability behind each."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_evaluation.methods.class_scores import BATCH, probability, shares
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["Rise"]


class Rise(Method):
    """`1 / (p N) sum over k of P_c(x * M_k) M_k`, S x S, zero or more.

    A mask is a coarse grid of zeros and ones, enlarged bilinearly and shifted by less than a cell. What it hides takes
    the mean colour of the network's normalisation. Every picture meets the same masks.

    Args:
        samples: N masks, as for VGG16; 8000 for ResNet50.
        cells: of the grid, on a side.
        keep: p, the share of ones.
        seed: of the masks.
    """

    name = "rise"
    title = "RISE"
    paper = "Petsiuk et al., RISE: Randomized Input Sampling for Explanation, BMVC 2018"

    def __init__(self, samples: int = 4000, cells: int = 7, keep: float = 0.5, seed: int = 0) -> None:
        self.samples, self.cells, self.keep, self.seed = samples, cells, keep, seed

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        draw = torch.Generator().manual_seed(self.seed)
        total = torch.zeros_like(images[:, 0])
        for start in range(0, self.samples, BATCH):
            masks = self.masks(min(BATCH, self.samples - start), images.shape[-1], draw).to(images)
            for share in shares(len(masks), len(images)):
                seen = masks[share.start : share.stop]
                total += self._weigh(classifier, images, targets, seen)
            progress(start + len(masks), self.samples)
        return total / (self.keep * self.samples)

    def masks(self, count: int, side: int, draw: torch.Generator) -> Tensor:
        """The next masks: count x S x S in [0, 1], float32 on the CPU. The same however pictures are batched."""
        cell = -(-side // self.cells)
        grid = (torch.rand(count, 1, self.cells + 1, self.cells + 1, generator=draw) < self.keep).float()
        large = F.interpolate(grid, scale_factor=cell, mode="bilinear", align_corners=False)[:, 0]
        corners = torch.randint(cell, (count, 2), generator=draw).tolist()
        return torch.stack([m[y : y + side, x : x + side] for m, (y, x) in zip(large, corners, strict=True)])

    def _weigh(self, classifier: Classifier, images: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
        """N x S x S: the sum of some masks, each weighted by the probability of N pictures behind it."""
        hidden = torch.lerp(classifier.mean, images, masks[:, None, None]).flatten(0, 1)
        scores = probability(classifier, hidden, targets.repeat(len(masks))).view(len(masks), -1)
        return torch.einsum("kn,khw->nhw", scores, masks)
