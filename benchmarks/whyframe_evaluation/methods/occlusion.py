"""Occlusion: how far the probability of the class drops when a part of the image is covered."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from whyframe_evaluation.methods.class_scores import batches, target_probabilities, version_probabilities
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import GaussianBlur

__all__ = ["BlurOcclusion", "Occlusion", "VariableBlurOcclusion"]


class Occlusion(Method):
    """Mean drop of the class's probability over the grey squares that cover a pixel.

    As [Zeiler and Fergus 2014](https://arxiv.org/abs/1311.2901), section 4.2, define it: a square slides over the
    image, and the image with the square is classified at each position. Grey is the mean colour of the network's
    normalisation. The map is H x W with both signs.

    Args:
        patch: Side of the square in pixels.
        stride: Distance between neighbouring squares in pixels.
    """

    name = "occlusion"
    title = "Occlusion"
    paper = "Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014"

    def __init__(self, patch: int = 35, stride: int = 8) -> None:
        self.patch, self.stride = patch, stride

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        size = images.shape[-2:]
        starts = [torch.arange(0, max(n - self.patch, 0) + self.stride, self.stride) for n in size]
        corners = torch.cartesian_prod(*starts)
        intact = target_probabilities(classifier, images, targets)
        total, covers = torch.zeros_like(images[:, 0]), images.new_zeros(size)
        for batch in batches(len(corners), len(images)):
            squares = _squares(size, self.patch, corners[list(batch)].to(images))
            covered = torch.where(squares[:, None, None] > 0, classifier.mean, images)
            drops = intact - version_probabilities(classifier, covered, targets)
            total += torch.einsum("kn,khw->nhw", drops, squares)
            covers += squares.sum(dim=0)
            progress(batch.stop, len(corners))
        return total / covers


class BlurOcclusion(Method):
    """Drop of the class's probability when a soft disc around a point of a grid is blurred.

    This is the second variant of occlusion in
    [Fong and Vedaldi 2017](https://arxiv.org/abs/1704.03296), Table 2: discs of radius 35 / 2, whose edges are
    softened by a Gaussian of sigma 10, in which the image is blurred with sigma 10. The map has a score of either sign
    for each centre.

    Args:
        radii: Radii of the discs in pixels, for an image of 224 x 224. They are scaled with the shorter side of others.
        stride: Distance between neighbouring centres in pixels. The first is half a stride from the border.
    """

    name = "blur-occlusion"
    title = "Occlusion (blur)"
    paper = (
        "Fong and Vedaldi, Interpretable Explanations of Black Boxes by Meaningful Perturbation, ICCV 2017"
    )

    softness = 10.0
    """Standard deviation in pixels of the Gaussian that softens the edges of the discs."""

    def __init__(self, radii: Sequence[float] = (17.5,), stride: int = 8) -> None:
        self.radii, self.stride = tuple(radii), stride

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        size = images.shape[-2:]
        soften = GaussianBlur(*size, sigma=self.softness).to(images)
        blurred = GaussianBlur(*size).to(images)(images)
        intact, discs = target_probabilities(classifier, images, targets), self._discs(size)
        drops = []
        for batch in batches(len(discs), len(images)):
            masks = soften(_disc_masks(size, discs[list(batch)].to(images)))[:, None, None]
            covered = torch.lerp(images, blurred, masks)
            drops.append(intact - version_probabilities(classifier, covered, targets))
            progress(batch.stop, len(discs))
        counts = [len(range(self.stride // 2, n, self.stride)) for n in size]
        return self._score(torch.cat(drops).view(len(self.radii), *counts, -1).movedim(-1, 0))

    def _discs(self, size: Sequence[int]) -> Tensor:
        """Return the (radius, y, x) of each disc, in the order of radii, rows and columns."""
        centres = [torch.arange(self.stride // 2, n, self.stride) + 0.5 for n in size]
        return torch.cartesian_prod(torch.tensor(self.radii) * min(size) / 224, *centres)

    def _score(self, drops: Tensor) -> Tensor:
        """Return the N x k x k scores of the centres, given the N x radii x k x k drops of the probability."""
        return drops.amax(dim=1)


class VariableBlurOcclusion(BlurOcclusion):
    """Blur occlusion by discs of several radii, where smaller discs rank first among the most suppressive discs.

    This is the third variant of occlusion in
    [Fong and Vedaldi 2017](https://arxiv.org/abs/1704.03296), Table 2. The paper takes a single point, the centre of
    the smallest disc in the most suppressive tenth; here the map ranks all centres in that order. The score of a
    centre is that of its best disc. Discs of the tenth come before all others; among them a smaller radius comes
    first, and then the larger drop. The other discs are ranked by their drop. The map has a score for each centre.

    Args:
        radii: Radii of the discs in pixels, for an image of 224 x 224. The paper does not state them.
        stride: Distance between neighbouring centres in pixels.
        share: Share of the discs that count as most suppressive.
    """

    name = "variable-blur-occlusion"
    title = "Occlusion (variable blur)"

    def __init__(
        self,
        radii: Sequence[float] = (8.75, 17.5, 35.0, 52.5, 70.0),
        stride: int = 16,
        share: float = 0.1,
    ) -> None:
        super().__init__(radii, stride)
        self.share = share

    def _score(self, drops: Tensor) -> Tensor:
        flat = drops.flatten(1)
        least = flat.topk(max(1, int(self.share * flat.shape[1])), dim=1).values[:, -1].view(-1, 1, 1, 1)
        rank = torch.tensor(self.radii).argsort(descending=True).argsort().to(drops).view(1, -1, 1, 1)
        # A drop is in [-1, 1], so steps of 2 keep the radii apart, and all of them above the other discs.
        return torch.where(drops >= least, drops + 2 * (rank + 1), drops).amax(dim=1)


def _squares(size: Sequence[int], patch: int, corners: Tensor) -> Tensor:
    """Return K x H x W masks, 1 in the square and 0 outside, given the (y, x) of K top left corners.

    The part of a square that lies outside the image is cut off.
    """
    y, x = (part.view(-1, 1, 1) for part in corners.unbind(dim=1))
    down, across = (torch.arange(n, device=corners.device, dtype=corners.dtype) for n in size)
    rows, columns = down[:, None] - y, across - x
    return ((rows >= 0) & (rows < patch) & (columns >= 0) & (columns < patch)).to(corners)


def _disc_masks(size: Sequence[int], discs: Tensor) -> Tensor:
    """Return K x H x W masks, 1 in the disc and 0 outside, given the (radius, y, x) of K discs."""
    radius, y, x = (part.view(-1, 1, 1) for part in discs.unbind(dim=1))
    down, across = (torch.arange(n, device=discs.device, dtype=discs.dtype) + 0.5 for n in size)
    return ((down[:, None] - y).square() + (across - x).square() <= radius.square()).to(discs)
