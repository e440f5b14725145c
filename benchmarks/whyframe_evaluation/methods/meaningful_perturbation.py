"""Meaningful perturbation: the smallest mask that deletes or preserves what the classifier recognises."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whyframe.perturb import blur_matrix
from whyframe_evaluation.methods.mask_optimiser import blend, blurred, descend, total_variation
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import GaussianBlur

__all__ = ["MeaningfulDeletion", "MeaningfulPerturbation", "MeaningfulPreservation", "scatter"]

DISC_RADII = (
    torch.arange(0, 175, 5) / 224
)  # as shares of the image's longer side; the last disc covers the corners
DISC_SIGMA = 10 / 224  # of the disc's soft edge, as a share of the image's longer side
SUPPRESSED = 0.01  # share of the score that the first disc may leave

Self = TypeVar("Self", bound="MeaningfulPerturbation")


class LowResolutionMask(nn.Module):
    """Enlargement of a coarse mask to the size of the image, followed by a Gaussian blur.

    As [Fong and Vedaldi 2017](https://arxiv.org/abs/1704.03296), below Eq. 4, define it:
    `M(v) = sum_u g(v / s - u) m(u)`. Repeating cells and blurring are both linear along each axis, so each axis
    takes a single matrix.

    Args:
        height: Height H of the image in pixels.
        width: Width W of the image in pixels.
        factor: Side s of a cell in pixels.
        sigma: Standard deviation of the blur in pixels; 0 for no blur.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, height: int, width: int, factor: int, sigma: float) -> None:
        super().__init__()
        self.cells = -(-height // factor), -(-width // factor)
        for name, cells, pixels in zip(("rows", "columns"), self.cells, (height, width), strict=True):
            repeat = np.eye(cells).repeat(factor, axis=0)[:pixels]
            matrix = blur_matrix(pixels, sigma) @ repeat if sigma else repeat
            self.register_buffer(name, torch.tensor(matrix), persistent=False)

    def forward(self, mask: Tensor) -> Tensor:
        """Return N x 1 x H x W masks in the range of the given N x 1 x h x w masks."""
        return self.rows.to(mask) @ mask @ self.columns.to(mask).T


@dataclass(frozen=True, kw_only=True)
class MeaningfulPerturbation(Method):
    """Mask found by gradient descent on the classifier's probability for the perturbed image.

    As [Fong and Vedaldi 2017](https://arxiv.org/abs/1704.03296), Eq. 4, define it: deletion minimises
    `l1 ||1 - m||_1 + l2 sum ||grad m||^beta + E_tau[f_c(Phi(x(. - tau), M))]` over masks m in [0, 1], where 1 keeps
    a pixel, M is m enlarged and blurred, Phi perturbs the image where M is low, and `f_c` is the probability
    of class c. The sums run over the cells of the coarse mask. The map is S x S in [0, 1].

    Attributes:
        perturbation: What a deleted pixel becomes: ``"blur"``, ``"noise"`` or ``"constant"``.
        sigma: Standard deviation sigma_0 of the blur in pixels.
        levels: Number of blur strengths. The default 2 mixes the image and its blur, as in the authors' program and
            in Fu et al. 2022, Eq. 1. More levels approach the paper's blur of `sigma_0 (1 - m)`: strengths evenly
            spaced, with mixtures between neighbours.
        iterations: Number of Adam steps.
        learning_rate: Learning rate of Adam.
        area_weight: Weight l1. The paper's default is for GoogLeNet; a network that withstands more blur needs the
            1e-3 of Table 1.
        tv_weight: Weight l2.
        tv_beta: Exponent beta.
        factor: Side of a mask cell in pixels. The default 8 gives 28 x 28 cells for an image of 224 x 224.
        smoothing: Standard deviation in pixels of the blur of the enlarged mask.
        jitter: Number of different offsets per axis by which the image is displaced. Below 2 it is not displaced.
        top: Number of classes whose probabilities are added: the target and the most probable other classes.
        seed: Seed of the jitter and the noise, which are the same for every image.

    Raises:
        ValueError: The perturbation is unknown, or there are fewer than two levels.
    """

    mask = True
    paper = (
        "Fong and Vedaldi, Interpretable explanations of black boxes by meaningful perturbation, ICCV 2017"
    )

    perturbation: str = "blur"
    sigma: float = 10.0
    levels: int = 2
    iterations: int = 300
    learning_rate: float = 0.1
    area_weight: float = 1e-4
    tv_weight: float = 1e-2
    tv_beta: float = 3.0
    factor: int = 8
    smoothing: float = 5.0
    jitter: int = 4
    top: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.perturbation not in PERTURBATIONS:
            raise ValueError(f"unknown perturbation {self.perturbation!r}: choose {', '.join(PERTURBATIONS)}")
        if self.levels < 2:
            raise ValueError(
                f"levels is {self.levels}: choose at least 2, the blurred image and the image itself"
            )

    def for_localisation(self: Self) -> Self:
        """Return the method with the settings of Tables 1 and 2: five classes, a smaller and softer mask."""
        return replace(self, top=5, area_weight=1e-3, tv_beta=2.0)

    def without_regularisers(self: Self) -> Self:
        """Return the method for Eq. 3: a mask of single pixels, which finds the network's artefacts (Fig. 5)."""
        return replace(self, tv_weight=0.0, jitter=0, factor=1, smoothing=0.0)

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        height, width = images.shape[-2:]
        enlarge = LowResolutionMask(height, width, self.factor, self.smoothing).to(images.device)
        levels = PERTURBATIONS[self.perturbation](self, classifier, images)
        classes = _top_classes(classifier, images, targets, self.top)

        def score(perturbed: Tensor) -> Tensor:
            return classifier.probabilities(perturbed).gather(1, classes).sum(1)

        mask = F.adaptive_avg_pool2d(self._first_disc(score, levels), enlarge.cells).requires_grad_()
        displaced = _Jitter(levels, self.jitter, self.seed)

        def loss(_step: int) -> Tensor:
            smoothness = self.tv_weight * total_variation(mask, self.tv_beta)
            return self._loss(mask, score(blend(displaced(), enlarge(mask)))) + smoothness

        adam = torch.optim.Adam([mask], lr=self.learning_rate)
        descend(mask, adam, loss, self.iterations, lambda m: m.clamp_(0, 1), progress)
        return self._importance(enlarge(mask))[:, 0]

    @torch.no_grad()
    def _first_disc(self, score: Callable[[Tensor], Tensor], levels: Tensor) -> Tensor:
        """Return the masks of the smallest centred discs that leave 1 % of the score, or else of the best discs.

        Args:
            score: Function from N perturbed images to N scores.
            levels: L x N x C x H x W images, from fully perturbed to intact.

        Returns:
            N x 1 x H x W masks that delete or preserve the discs.
        """
        intact, perturbed = score(levels[-1]), score(levels[0])
        masks = [self._importance(disc).expand(levels.shape[1], -1, -1, -1) for disc in _discs(levels)]
        scores = torch.stack([score(blend(levels, mask)) for mask in masks])
        remaining = self._remaining((scores - perturbed) / (intact - perturbed))
        is_enough = remaining < SUPPRESSED
        pick = torch.where(
            is_enough.any(0), is_enough.int().argmax(0), remaining.nan_to_num(torch.inf).argmin(0)
        )
        return torch.stack(masks)[pick, torch.arange(len(pick), device=pick.device)]

    @abstractmethod
    def _loss(self, mask: Tensor, score: Tensor) -> Tensor:
        """Return the N losses of N x 1 x h x w masks and their N scores, without the smoothness."""

    @abstractmethod
    def _remaining(self, normalised: Tensor) -> Tensor:
        """Return the share that remains to be changed: 0 where the game reaches its goal.

        Args:
            normalised: Scores: 1 is that of the image, 0 that of the completely perturbed image.
        """

    @abstractmethod
    def _importance(self, mask: Tensor) -> Tensor:
        """Convert masks to importance, or importance to masks."""


class MeaningfulDeletion(MeaningfulPerturbation):
    """Deletion game: the smallest region whose deletion makes the classifier miss the class.

    See `MeaningfulPerturbation` for the loss and the arguments.
    """

    name = "meaningful-deletion"
    title = "Meaningful perturbation (deletion)"

    def _loss(self, mask: Tensor, score: Tensor) -> Tensor:
        return score + self.area_weight * (1 - mask).flatten(1).sum(1)

    def _remaining(self, normalised: Tensor) -> Tensor:
        return normalised

    def _importance(self, mask: Tensor) -> Tensor:
        return 1 - mask


class MeaningfulPreservation(MeaningfulPerturbation):
    """Preservation game: the smallest region that is enough for the classifier to recognise the class.

    See `MeaningfulPerturbation` for the arguments. The loss is that of
    [Fong and Vedaldi 2017](https://arxiv.org/abs/1704.03296), section 4.2, with the regularisers of Eq. 4:
    `l1 ||m||_1 - f_c` in place of `l1 ||1 - m||_1 + f_c`.
    """

    name = "meaningful-preservation"
    title = "Meaningful perturbation (preservation)"

    def _loss(self, mask: Tensor, score: Tensor) -> Tensor:
        return self.area_weight * mask.flatten(1).sum(1) - score

    def _remaining(self, normalised: Tensor) -> Tensor:
        return 1 - normalised

    def _importance(self, mask: Tensor) -> Tensor:
        return mask


def _blur_levels(method: MeaningfulPerturbation, _classifier: Classifier, images: Tensor) -> Tensor:
    return blurred(images, torch.linspace(method.sigma, 0, method.levels).tolist())


def _noise_levels(method: MeaningfulPerturbation, classifier: Classifier, images: Tensor) -> Tensor:
    """Return Gaussian pixels with the training data's mean and deviation, and the images."""
    drawn = torch.randn(1, *images.shape[1:], generator=torch.Generator().manual_seed(method.seed))
    noise = (classifier.mean + classifier.std * drawn.to(images)).clamp(0, 1)
    return torch.stack([noise.to(images).expand_as(images), images])


def _constant_levels(_method: MeaningfulPerturbation, classifier: Classifier, images: Tensor) -> Tensor:
    """Return the training data's mean colour, and the images."""
    return torch.stack([classifier.mean.to(images).expand_as(images), images])


PERTURBATIONS = {"blur": _blur_levels, "noise": _noise_levels, "constant": _constant_levels}


@torch.no_grad()
def _top_classes(classifier: Classifier, images: Tensor, targets: Tensor, top: int) -> Tensor:
    """Return N x `top` class ids: the target and the most probable other classes."""
    logits = classifier.logits(images)
    target_first = logits.scatter(1, targets[:, None], torch.inf)
    return target_first.topk(min(top, logits.shape[1]), dim=1).indices


def _discs(levels: Tensor) -> Tensor:
    """Return K x 1 x 1 x H x W centred discs of increasing radius with soft edges, 1 inside."""
    size = levels.shape[-2:]
    down, across = (torch.arange(n, device=levels.device, dtype=levels.dtype) - (n - 1) / 2 for n in size)
    distance = torch.hypot(down[:, None], across)
    discs = (distance < max(size) * DISC_RADII.to(levels)[:, None, None]).to(levels)
    return GaussianBlur(*size, sigma=max(size) * DISC_SIGMA).to(levels.device)(discs)[:, None, None]


class _Jitter:
    """Random displacement of images under their masks; the border pixels are repeated.

    Each call draws a new offset. It is the same for all images of a batch, so that the mask of an image does not
    depend on the other images.
    """

    def __init__(self, levels: Tensor, offsets: int, seed: int) -> None:
        self.offsets, self.size = max(offsets, 1), levels.shape[-2:]
        self.generator = torch.Generator().manual_seed(seed)
        before = self.offsets // 2  # offsets on both sides of 0, so that the mask stays over what it explains
        after = self.offsets - 1 - before
        padded = F.pad(levels.flatten(0, 1), (before, after, before, after), mode="replicate")
        self.padded = padded.unflatten(0, levels.shape[:2])

    def __call__(self) -> Tensor:
        """Return the displaced L x N x C x H x W images."""
        y, x = torch.randint(self.offsets, (2,), generator=self.generator).tolist()
        height, width = self.size
        return self.padded[..., y : y + height, x : x + width]


def scatter(importance: Tensor) -> Tensor:
    """Return the outline of each mask divided by its area, `sum ||grad m|| / sum m`, in 1 / pixels.

    A disc of radius r has about 2 / r, and single separate pixels have 2 + sqrt(2). The number is large for the
    artefacts of Fong and Vedaldi 2017, Fig. 5.

    Args:
        importance: N x h x w scores in [0, 1].

    Returns:
        N ratios.
    """
    outline = total_variation(F.pad(importance[:, None], (1, 1, 1, 1)), beta=1.0)
    return outline / importance.flatten(1).sum(1)
