"""Occlusion: how far a class's probability falls where a part of the picture is covered."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from whyframe_evaluation.methods.class_scores import BATCH, probability, shares
from whyframe_evaluation.methods.libraries import captum
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import GaussianBlur

__all__ = ["BlurOcclusion", "Occlusion", "VariableBlurOcclusion"]


class Occlusion(Method):
    """A grey square slid over the picture; a pixel's score is the mean fall over the squares that cover it, S x S.

    Grey is the mean colour of the network's normalisation. captum's.

    Args:
        patch: the square's side in pixels.
        stride: between squares, in pixels.
    """

    name = "occlusion"
    title = "Occlusion"
    paper = "Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014"

    def __init__(self, patch: int = 35, stride: int = 8) -> None:
        self.patch, self.stride = patch, stride

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        patch = min(self.patch, images.shape[-1])
        steps = (-(-(images.shape[-1] - patch) // self.stride) + 1) ** 2
        done = 0

        def score(covered: Tensor, targets: Tensor) -> Tensor:
            nonlocal done
            done += len(covered) // len(images)
            progress(min(done, steps), steps)
            return probability(classifier, covered, targets)

        return captum().Occlusion(score).attribute(
            images, (3, patch, patch), (3, self.stride, self.stride),
            baselines=classifier.mean.expand_as(images[:1]), additional_forward_args=(targets,),
            perturbations_per_eval=max(1, BATCH // len(images)),
        )[:, 0]  # fmt: skip


class BlurOcclusion(Method):
    """Soft discs of blur on a grid of centres; the score of a centre is the fall of the probability, k x k.

    Table 2's second variant of occlusion: discs of radius 35 / 2, softened by a Gaussian of sigma 10, through which
    the picture is seen blurred with sigma 10.

    Args:
        radii: of the discs, in pixels of a picture 224 high.
        stride: between centres, in pixels; the first is half a stride from the border.
    """

    name = "blur-occlusion"
    title = "Occlusion (blur)"
    paper = (
        "Fong and Vedaldi, Interpretable Explanations of Black Boxes by Meaningful Perturbation, ICCV 2017"
    )

    softness = 10.0
    """Sigma of the discs' edges."""

    def __init__(self, radii: Sequence[float] = (17.5,), stride: int = 8) -> None:
        self.radii, self.stride = tuple(radii), stride

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        side = images.shape[-1]
        soften, blurred = GaussianBlur(side, self.softness).to(images), GaussianBlur(side).to(images)(images)
        whole, discs = probability(classifier, images, targets), self._discs(side)
        falls = []
        for share in shares(len(discs), len(images)):
            masks = soften(_disc(side, discs[list(share)].to(images)))[:, None, None]
            covered = torch.lerp(images, blurred, masks).flatten(0, 1)
            seen = probability(classifier, covered, targets.repeat(len(share)))
            falls.append(whole - seen.view(len(share), -1))
            progress(share.stop, len(discs))
        count = len(range(self.stride // 2, side, self.stride))
        return self._score(torch.cat(falls).view(len(self.radii), count, count, -1).movedim(-1, 0))

    def _discs(self, side: int) -> Tensor:
        """(radius, y, x) of each disc, ordered so."""
        centres = torch.arange(self.stride // 2, side, self.stride) + 0.5
        return torch.cartesian_prod(torch.tensor(self.radii) * side / 224, centres, centres)

    def _score(self, falls: Tensor) -> Tensor:
        """N x radii x k x k falls of the probability to N x k x k scores."""
        return falls.amax(dim=1)


class VariableBlurOcclusion(BlurOcclusion):
    """Discs of several sizes: among the most suppressive tenth of them the smallest radius points best, k x k.

    Table 2's third variant. The paper takes one point, the centre of the smallest of the most suppressive tenth; here
    the whole map is in that order. A centre has the score of its best disc: the discs of that tenth come before all
    others, the smaller the radius the earlier, then the larger the fall; the others by their fall.

    Args:
        radii: of the discs, in pixels of a picture 224 high; the paper gives none.
        stride: between centres, in pixels.
        share: of the discs, that counts as most suppressive.
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

    def _score(self, falls: Tensor) -> Tensor:
        flat = falls.flatten(1)
        least = flat.topk(max(1, int(self.share * flat.shape[1])), dim=1).values[:, -1].view(-1, 1, 1, 1)
        rank = torch.tensor(self.radii).argsort(descending=True).argsort().to(falls).view(1, -1, 1, 1)
        # A fall lies in [-1, 1]: steps of 2 and more keep the radii apart and above the discs that do not count.
        return torch.where(falls >= least, falls + 2 * (rank + 1), falls).amax(dim=1)


def _disc(side: int, discs: Tensor) -> Tensor:
    """K (radius, y, x) to K x S x S, 1 in the disc and 0 outside."""
    radius, y, x = (part.view(-1, 1, 1) for part in discs.unbind(dim=1))
    places = torch.arange(side, device=discs.device, dtype=discs.dtype) + 0.5
    return ((places[:, None] - y).square() + (places - x).square() <= radius.square()).to(discs)
