"""Meaningful perturbation: the smallest mask that deletes, or preserves, what the classifier recognises."""

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

DISC_RADII = torch.arange(0, 175, 5) / 224  # of the image's side: the last one covers its corners
DISC_SIGMA = 10 / 224
SUPPRESSED = 0.01  # of the score, once the first disc is found

Self = TypeVar("Self", bound="MeaningfulPerturbation")


class LowResolutionMask(nn.Module):
    """A coarse mask shown at full size: ``M(v) = sum_u g(v / s - u) m(u)`` (below Eq. 4).

    Enlarging by repetition and blurring are both linear in each axis, so that the two are one matrix a side.

    Args:
        side: S in pixels.
        factor: s, pixels a cell.
        sigma: of the blur in pixels; 0 for none.
    """

    matrix: Tensor

    def __init__(self, side: int, factor: int, sigma: float) -> None:
        super().__init__()
        self.cells = -(-side // factor)
        repeat = np.eye(self.cells).repeat(factor, axis=0)[:side]
        matrix = blur_matrix(side, sigma) @ repeat if sigma else repeat
        self.register_buffer("matrix", torch.tensor(matrix), persistent=False)

    def forward(self, mask: Tensor) -> Tensor:
        """N x 1 x h x h to N x 1 x S x S, in the same range."""
        matrix = self.matrix.to(mask)
        return matrix @ mask @ matrix.T


@dataclass(frozen=True, kw_only=True)
class MeaningfulPerturbation(Method):
    """Eq. 4: a mask m in [0, 1] (1 keeps the pixel) found by gradient descent, one for each image.

    Deletion minimises ``l1 * ||1 - m||_1 + l2 * sum ||grad m||^beta + E_tau[f_c(Phi(x(. - tau), M))]``, where M is
    m enlarged and blurred, and f_c a softmax probability. The sums run over the coarse mask's cells.

    Attributes:
        perturbation: ``"blur"``, ``"noise"`` or ``"constant"``: what a deleted pixel becomes.
        sigma: sigma_0 of the blur in pixels.
        levels: 2 mixes the image and its blur (as Eq. 1 of the predictor's paper, and as the authors' program); more
            follow the equation, a blur of ``sigma_0 * (1 - m)``, at that many strengths with mixtures between.
        iterations: of Adam.
        learning_rate: of Adam.
        area_weight: l1 of Eq. 4, made for GoogLeNet; a network that withstands more blur needs the 1e-3 of Table 1.
        tv_weight: l2 of Eq. 4.
        tv_beta: beta of Eq. 4.
        factor: pixels a mask cell: 28 x 28 cells at 224.
        smoothing: of the enlarged mask in pixels.
        jitter: the image is displaced by this many different offsets an axis; below 2, not at all.
        top: 1 for the target's probability; k adds those of the k - 1 most probable other classes.
        seed: of the jitter and the noise, the same for every image.
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
            raise ValueError(f"levels is {self.levels}: the image and its blur make two")

    def for_localisation(self: Self) -> Self:
        """The settings of Tables 1 and 2: the five most probable classes, a smaller and softer mask."""
        return replace(self, top=5, area_weight=1e-3, tv_beta=2.0)

    def without_regularisers(self: Self) -> Self:
        """Eq. 3, which Fig. 5 warns of: a free mask of single pixels, which finds the network's artefacts."""
        return replace(self, tv_weight=0.0, jitter=0, factor=1, smoothing=0.0)

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        shown = LowResolutionMask(images.shape[-1], self.factor, self.smoothing).to(images.device)
        levels = PERTURBATIONS[self.perturbation](self, classifier, images)
        classes = _objective(classifier, images, targets, self.top)

        def score(perturbed: Tensor) -> Tensor:
            return classifier.logits(perturbed).softmax(1).gather(1, classes).sum(1)

        mask = F.adaptive_avg_pool2d(self._first_disc(score, levels), shown.cells).requires_grad_()
        displaced = _Jitter(levels, self.jitter, self.seed)

        def loss(_step: int) -> Tensor:
            smooth = self.tv_weight * total_variation(mask, self.tv_beta)
            return self._game(mask, score(blend(displaced(), shown(mask)))) + smooth

        adam = torch.optim.Adam([mask], lr=self.learning_rate)
        descend(mask, adam, loss, range(self.iterations), lambda m: m.clamp_(0, 1), progress)
        return self._importance(shown(mask))[:, 0]

    @torch.no_grad()
    def _first_disc(self, score: Callable[[Tensor], Tensor], levels: Tensor) -> Tensor:
        """The smallest centred disc that wins the game by 99 % of the score; the best one where none does.

        Returns:
            N x 1 x S x S, the mask that deletes or preserves the disc.
        """
        none, all_ = score(levels[-1]), score(levels[0])
        discs = _discs(levels)
        masks = [self._importance(disc).expand(levels.shape[1], -1, -1, -1) for disc in discs]
        scores = torch.stack([score(blend(levels, mask)) for mask in masks])
        left = self._left((scores - all_) / (none - all_))
        won = left < SUPPRESSED
        pick = torch.where(won.any(0), won.int().argmax(0), left.nan_to_num(torch.inf).argmin(0))
        return torch.stack(masks)[pick, torch.arange(len(pick), device=pick.device)]

    @abstractmethod
    def _game(self, mask: Tensor, score: Tensor) -> Tensor:
        """N x 1 x h x w mask and N scores to N, less for a better move."""

    @abstractmethod
    def _left(self, normalised: Tensor) -> Tensor:
        """A score, 1 for the image and 0 for all of it perturbed, as what is left to win."""

    @abstractmethod
    def _importance(self, mask: Tensor) -> Tensor:
        """A mask as importance, and back."""


class MeaningfulDeletion(MeaningfulPerturbation):
    """The deletion game: the smallest region without which the class is not recognised."""

    name = "meaningful-deletion"
    title = "Meaningful perturbation (deletion)"

    def _game(self, mask: Tensor, score: Tensor) -> Tensor:
        return score + self.area_weight * (1 - mask).flatten(1).sum(1)

    def _left(self, normalised: Tensor) -> Tensor:
        return normalised

    def _importance(self, mask: Tensor) -> Tensor:
        return 1 - mask


class MeaningfulPreservation(MeaningfulPerturbation):
    """The preservation game: the smallest region that suffices to recognise the class."""

    name = "meaningful-preservation"
    title = "Meaningful perturbation (preservation)"

    def _game(self, mask: Tensor, score: Tensor) -> Tensor:
        return self.area_weight * mask.flatten(1).sum(1) - score

    def _left(self, normalised: Tensor) -> Tensor:
        return 1 - normalised

    def _importance(self, mask: Tensor) -> Tensor:
        return mask


def _blur(method: MeaningfulPerturbation, _classifier: Classifier, images: Tensor) -> Tensor:
    return blurred(images, torch.linspace(method.sigma, 0, method.levels).tolist())


def _noise(method: MeaningfulPerturbation, classifier: Classifier, images: Tensor) -> Tensor:
    """Gaussian pixels with the mean and deviation of the training data, the same for every image."""
    drawn = torch.randn(1, *images.shape[1:], generator=torch.Generator().manual_seed(method.seed))
    noise = (classifier.mean + classifier.std * drawn.to(images)).clamp(0, 1)
    return torch.stack([noise.to(images).expand_as(images), images])


def _constant(_method: MeaningfulPerturbation, classifier: Classifier, images: Tensor) -> Tensor:
    """The average colour of the training data."""
    return torch.stack([classifier.mean.to(images).expand_as(images), images])


PERTURBATIONS = {"blur": _blur, "noise": _noise, "constant": _constant}


@torch.no_grad()
def _objective(classifier: Classifier, images: Tensor, targets: Tensor, top: int) -> Tensor:
    """The target and the most probable other classes, N x `top`."""
    logits = classifier.logits(images)
    first = logits.scatter(1, targets[:, None], torch.inf)
    return first.topk(min(top, logits.shape[1]), dim=1).indices


def _discs(levels: Tensor) -> Tensor:
    """K x 1 x 1 x S x S centred discs of higher_is_better radius, blurred: 1 inside."""
    side = levels.shape[-1]
    along = torch.arange(side, device=levels.device, dtype=levels.dtype) - (side - 1) / 2
    distance = torch.hypot(along[:, None], along)
    discs = (distance < side * DISC_RADII.to(levels)[:, None, None]).to(levels)
    return GaussianBlur(side, side * DISC_SIGMA).to(levels.device)(discs)[:, None, None]


class _Jitter:
    """E_tau: the image under the mask, displaced anew at each call; its border pixels repeat.

    One offset serves the whole batch, so that an image's mask does not depend on its neighbours.
    """

    def __init__(self, levels: Tensor, offsets: int, seed: int) -> None:
        self.offsets, self.side = max(offsets, 1), levels.shape[-1]
        self.generator = torch.Generator().manual_seed(seed)
        before = self.offsets // 2  # the offsets surround 0: the mask stays over what it explains
        after = self.offsets - 1 - before
        padded = F.pad(levels.flatten(0, 1), (before, after, before, after), mode="replicate")
        self.padded = padded.unflatten(0, levels.shape[:2])

    def __call__(self) -> Tensor:
        y, x = torch.randint(self.offsets, (2,), generator=self.generator).tolist()
        return self.padded[..., y : y + self.side, x : x + self.side]


def scatter(importance: Tensor) -> Tensor:
    """How scattered a mask is: its outline over its area, ``sum ||grad m|| / sum m``, in 1 / pixels.

    A disc of radius r has 2 / r, single pixels apart have 2 + sqrt(2): Fig. 5's artefacts as a number.

    Args:
        importance: N x h x w in [0, 1].

    Returns:
        N.
    """
    outline = total_variation(F.pad(importance[:, None], (1, 1, 1, 1)), beta=1.0)
    return outline / importance.flatten(1).sum(1)
