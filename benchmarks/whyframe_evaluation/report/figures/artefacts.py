"""A deletion mask that finds the network's artefacts, and what keeps it from them (Fig. 5 of the second paper)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from whyframe_evaluation.methods.mask_optimiser import blurred
from whyframe_evaluation.methods.meaningful import MeaningfulDeletion, scatter
from whyframe_evaluation.report.figures.image_grid import (
    TILE,
    Column,
    Grid,
    Tile,
    grid_figure,
    grid_html,
    heat,
    photograph,
)
from whyframe_evaluation.report.figures.report_context import Arrays, Mask, ReportContext, Section
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import perturb, upsample

__all__ = ["Deletion", "delete", "games", "section"]

ADD = "Artefacts (Fig. 5 of the second paper): --methods meaningful-deletion"
_SHIFTS = ((-4, -4), (-4, 4), (4, -4), (4, 4))  # pixels


@dataclass(frozen=True)
class Deletion:
    """What a deletion mask does.

    Attributes:
        mask: S x S float32, 1 where it deletes.
        seen: S x S x 3 float32 RGB in [0, 1], the picture that is left.
        left: the target's probability on it.
        shifted: the same, where the mask lies four pixels beside its place (mean of four ways).
        scatter: the mask's outline over its area, 1 / pixels.
    """

    mask: Mask
    seen: Mask
    left: float
    shifted: float
    scatter: float


def games() -> Mapping[str, MeaningfulDeletion]:
    """The deletion game as the paper plays it, and its Eq. 3: no jitter, no total variation, single pixels."""
    game = MeaningfulDeletion()
    return {"with regularisers": game, "without": game.without_regularisers()}


def delete(classifier: Classifier, subject: Sample, game: MeaningfulDeletion) -> Deletion:
    """Plays a deletion game on a picture: 600 passes and more.

    Args:
        classifier: that is deceived, or not.
        subject: the picture, and the class to delete.
        game: with the blur as its perturbation.
    """
    image, target = subject.image[None], subject.image.new_tensor([subject.target]).long()
    importance = upsample(game.explain(classifier, image, target), image.shape[-1]).clamp(0, 1)
    background = blurred(image, [game.sigma])[0]
    stack = torch.cat([importance, *(_moved(importance, *shift) for shift in _SHIFTS)])
    with torch.no_grad():
        seen = perturb(
            image.expand(len(stack), -1, -1, -1), 1 - stack, background.expand(len(stack), -1, -1, -1)
        )
        left = classifier.logits(seen).softmax(1)[:, subject.target]
    return Deletion(
        importance[0, 0].cpu().numpy(),
        seen[0].permute(1, 2, 0).cpu().numpy(),
        float(left[0]),
        float(left[1:].mean()),
        float(scatter(importance[:, 0])[0]),
    )


def _moved(mask: Tensor, down: int, right: int) -> Tensor:
    return torch.roll(mask, (down, right), (2, 3))


def section(material: ReportContext) -> Section | None:
    """Left out where meaningful-deletion is not in the study: the figure costs as much as two of its maps."""
    wanted = material.present(("meaningful-deletion",))
    if not wanted or material.classifier is None or not material.pictures:
        return None
    subject, classifier = material.pictures[0], material.classifier
    key = hashlib.sha256(subject.file.encode()).hexdigest()[:8]
    arrays = material.kept(f"artefacts-{key}", lambda: _played(classifier, subject))
    found = {name: _unpacked(arrays, name) for name in games()}
    grid = Grid(
        [Column("picture"), *(column for name, one in found.items() for column in _columns(name, one))],
        [
            (
                material.label(subject),
                [photograph(subject), *(t for o in found.values() for t in _tiles(subject, o))],
            )
        ],
    )
    material.save("artefacts", grid_figure(grid))
    smooth, free = found.values()
    return Section(
        "Artefacts",
        "Masks that cheat",
        f"Both masks delete “{material.label(subject)}” by blurring. Free to choose single pixels, the mask finds what "
        f"upsets the network rather than what shows the object: it is {free.scatter / smooth.scatter:.0f} times as "
        f"scattered. Moved by four pixels, the free mask leaves a probability of {free.shifted:.2f} (in place "
        f"{free.left:.2f}), the regularised one {smooth.shifted:.2f} (in place {smooth.left:.2f}).",
        grid_html(grid),
    )


def _columns(name: str, one: Deletion) -> list[Column]:
    numbers = f"p {one.left:.2f}, moved {one.shifted:.2f}"
    return [Column(f"mask, {name}", f"scatter {one.scatter:.2f}"), Column(f"what is left, {name}", numbers)]


def _tiles(subject: Sample, one: Deletion) -> list[Tile | None]:
    left = Sample(subject.file, torch.from_numpy(one.seen).permute(2, 0, 1), subject.target, ())
    small = cv2.resize(
        one.mask, (TILE, TILE), interpolation=cv2.INTER_AREA
    )  # single pixels must not be skipped
    return [heat(subject, small), photograph(left)]  # type: ignore[arg-type]


def _played(classifier: Classifier, subject: Sample) -> Arrays:
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, game in games().items():
        one = delete(classifier, subject, game)
        numbers = np.array([one.left, one.shifted, one.scatter])
        arrays |= {f"{name} mask": one.mask, f"{name} seen": one.seen, f"{name} numbers": numbers}
    return arrays


def _unpacked(arrays: Arrays, name: str) -> Deletion:
    left, shifted, scattered = arrays[f"{name} numbers"].tolist()
    return Deletion(arrays[f"{name} mask"], arrays[f"{name} seen"], left, shifted, scattered)  # type: ignore[arg-type]
