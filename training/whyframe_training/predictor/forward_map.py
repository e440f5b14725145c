"""The forward map: an explainer without training and without gradients, for any network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from whyframe_training.classifiers.classifier import Classifier, ClassifierError
from whyframe_training.classifiers.feature_taps import blank
from whyframe_training.classifiers.network_cut import capture_cut, cost_after, find_cut, resume
from whyframe_training.predictor.min_max import MinMax

MAXIMUM_VALUES = 2**25
"""Number of values of an image's masked features above which the grid has fewer cells than the features."""

MODERATE_COST = 2.0
"""Operations of the explanation, as a multiple of the classifier's, above which the grid has fewer cells."""

SMALLEST_GRID = 7
"""Rows and columns that a grid keeps, where the features have as many, however large and expensive they are."""

MAXIMUM_COST = 10.0
"""Operations of the explanation, as a multiple of the classifier's, above which it is refused."""


class ForwardMap(nn.Module):
    """ReciproCAM: the probability of the class when the network goes on with the features around one cell only.

    The last features X that determine the logits are multiplied with a mask W_k around each cell k, which is 3 x 3
    cells large, and the rest of the network R runs on these features as a batch: `m_k = p_c(R(X * W_k))`. With the
    published weights of W (a Gaussian of 1/4, 1/8 and 1/16), this is ReciproCAM (Byun and Lee 2022). In a transformer
    with a class token, X are the tokens before the last block, and the class token is kept in each mask, as in
    ViT-ReciproCAM (Byun and Lee 2023).

    Each map is scaled to [0, 1] by its own range; a constant map gives zeros.

    Args:
        classifier: The classifier to explain.

    Attributes:
        cut: Place of X in the network.
        grid: Rows and columns of the map. They are those of X, and fewer where X is large or what follows it expensive.
        masked_values: Number of values of the masked features of an image, which are as many multiplications; they are
            not part of `cost`.
        cost: Multiplications and additions of the explanation, as a multiple of those of the classifier.

    Raises:
        ClassifierError: No module's output alone determines the logits, or what follows X is too expensive.

    Examples:
        >>> ForwardMap(classifier).explain(images, torch.tensor([281]))  # N x h x w
    """

    masks: Tensor
    image: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier
        shape = blank(classifier.input).shape[1:]
        noise = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
        images = classifier.normalise(noise.to(classifier.mean))
        self.cut = find_cut(classifier.module, images)
        self.register_buffer("image", torch.zeros_like(images[:1]), persistent=False)
        with torch.no_grad():
            features, _ = self.features(images)
        cost = cost_after(classifier.module, self.cut, images[:1])
        self.grid = _grid(self.cut.height, self.cut.width, features[0].numel(), cost)
        self.masked_values = features[0].numel() * self.grid[0] * self.grid[1]
        self.cost = cost * self.grid[0] * self.grid[1]
        if self.cost > MAXIMUM_COST:
            raise ClassifierError(
                f"the forward map of {classifier.name} would cost {self.cost:.0f} times the classifier, because most "
                f"of the network follows {self.cut.name}, the last place that determines the logits: train a mask "
                "predictor with `whyframe train`"
            )
        masks = gaussian_masks((self.cut.height, self.cut.width), self.grid)
        self.register_buffer("masks", self.cut.spread(masks.to(features)), persistent=False)
        self.controller = MinMax()

    def features(self, normalised: Tensor) -> tuple[Tensor, Tensor]:
        """Return X, in the layout of the cut, and the logits of N x C x H x W normalised images."""
        with capture_cut(self.classifier.module, self.cut) as found:
            logits = self.classifier.module(normalised)
        return found[0], logits

    def logit_map(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """Return the probability of the class for the features around each cell.

        Args:
            stages: Features; only the last are read, which must be X in the layout of the cut.
            class_id: N class ids to explain.

        Returns:
            N x rows x columns of the grid, float32.
        """
        masked = (stages[-1][:, None] * self.masks).flatten(0, 1)
        logits = resume(self.classifier.module, self.cut, masked, self.image)
        probabilities = self.classifier.to_probabilities(logits.float()).unflatten(0, (-1, len(self.masks)))
        index = class_id[:, None, None].expand(-1, len(self.masks), 1)
        return probabilities.gather(2, index).unflatten(1, self.grid).squeeze(-1)

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """Return the maps of the classes, N x h x w scores in [0, 1], float32; arguments as for `logit_map`."""
        return self.controller(self.logit_map(stages, class_id))

    def explain(self, images: Tensor, class_id: Tensor) -> Tensor:
        """Return the maps of the classes for N x C x H x W images in [0, 1], see `forward`."""
        features, _ = self.features(self.classifier.normalise(images))
        return self([features], class_id)


def gaussian_masks(size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """Return a mask around each cell of a grid.

    Where the grid is as large as the features, each mask has the weights 1/4, 1/8 and 1/16 in 3 x 3 cells; those of a
    coarser grid have the same form, as many times larger as the cells of the grid.

    Args:
        size: Height and width of the features, in cells.
        grid: Rows and columns of the grid, at most `size`.

    Returns:
        (rows * columns) x height x width, float32.
    """
    rows, columns = (_bumps(n, count) for n, count in zip(size, grid, strict=True))
    return torch.einsum("iy,jx->ijyx", rows, columns).flatten(0, 1)


def _bumps(size: int, count: int) -> Tensor:
    """Return the count x size weights along one axis: 1/2 at the centre, falling to 0 at two cells of the grid."""
    step = size / count
    centres = (torch.arange(count) + 0.5) * step - 0.5
    distance = (torch.arange(size) - centres[:, None]).abs()
    return (1 - distance / (2 * step)).clamp_min(0) / 2


def _grid(height: int, width: int, values: int, cost: float) -> tuple[int, int]:
    """Return rows and columns of the largest grid that is neither too large nor, down to a smallest one, expensive.

    Args:
        height: Rows of the features.
        width: Columns of the features.
        values: Number of values of an image's features.
        cost: Cost of a cell, as a multiple of the classifier's.
    """
    cells = min(MAXIMUM_VALUES / values, MODERATE_COST / cost if cost else math.inf)
    scale = min(1.0, (cells / (height * width)) ** 0.5)
    rows, columns = (max(min(n, SMALLEST_GRID), int(n * scale)) for n in (height, width))
    return rows, columns
