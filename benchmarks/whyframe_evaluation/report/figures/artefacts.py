"""Section on deletion masks that exploit artefacts of the network (Fong and Vedaldi 2017, Fig. 5)."""

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
from whyframe_evaluation.methods.meaningful_perturbation import MeaningfulDeletion, scatter
from whyframe_evaluation.report.figures.image_grid import (
    TILE,
    Grid,
    GridColumn,
    GridRow,
    Tile,
    draw_image,
    draw_on_own_scale,
    grid_figure,
    grid_html,
)
from whyframe_evaluation.report.figures.report_context import Arrays, Mask, ReportContext, Section
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import perturb, upsample

__all__ = ["HINT", "Deletion", "deletion_games", "play", "section"]

HINT = "Artefacts (Fong and Vedaldi 2017, Fig. 5): --methods meaningful-deletion"

_SHIFTS = ((-4, -4), (-4, 4), (4, -4), (4, 4))  # pixels


@dataclass(frozen=True)
class Deletion:
    """A deletion mask and its effect.

    Attributes:
        mask: S x S float32, 1 where the mask deletes.
        remainder: S x S x 3 float32 RGB in [0, 1], the image after the deletion.
        probability: Probability of the target on that image.
        shifted: The same probability with the mask shifted by four pixels, the mean over four directions.
        scatter: Length of the mask's outline over its area, in 1 / pixels.
    """

    mask: Mask
    remainder: Mask
    probability: float
    shifted: float
    scatter: float


def deletion_games() -> Mapping[str, MeaningfulDeletion]:
    """Return the deletion game of the paper, and that of its Eq. 3: no jitter, no total variation, single pixels."""
    game = MeaningfulDeletion()
    return {"with regularisers": game, "without": game.without_regularisers()}


def play(classifier: Classifier, sample: Sample, game: MeaningfulDeletion) -> Deletion:
    """Find the deletion mask of a sample, in more than 600 passes.

    Args:
        classifier: The network to explain.
        sample: The image, and the class to delete.
        game: The deletion game, with blur as its perturbation.
    """
    image, target = sample.image[None], sample.image.new_tensor([sample.target]).long()
    importance = upsample(game.explain(classifier, image, target), image.shape[-2:]).clamp(0, 1)
    background = blurred(image, [game.sigma])[0]
    masks = torch.cat([importance, *(_shift(importance, *shift) for shift in _SHIFTS)])
    with torch.no_grad():
        remainders = perturb(
            image.expand(len(masks), -1, -1, -1), 1 - masks, background.expand(len(masks), -1, -1, -1)
        )
        probabilities = classifier.probabilities(remainders)[:, sample.target]
    return Deletion(
        importance[0, 0].cpu().numpy(),
        remainders[0].permute(1, 2, 0).cpu().numpy(),
        float(probabilities[0]),
        float(probabilities[1:].mean()),
        float(scatter(importance[:, 0])[0]),
    )


def _shift(mask: Tensor, down: int, right: int) -> Tensor:
    return torch.roll(mask, (down, right), (2, 3))


def section(context: ReportContext) -> Section | None:
    """Return the section, or None without meaningful-deletion: the section costs as much as two of its maps."""
    if not context.methods_with_maps(("meaningful-deletion",)) or not context.shown_samples:
        return None
    sample, classifier = context.shown_samples[0], context.result.classifier
    key = hashlib.sha256(sample.file.encode()).hexdigest()[:8]
    arrays = context.cached_arrays(f"artefacts-{key}", lambda: _play_all(classifier, sample))
    deletions = {name: _unpack(arrays, name) for name in deletion_games()}
    grid = _grid(context.label(sample), sample, deletions)
    context.save_figure("artefacts", grid_figure(grid))
    smooth, free = deletions.values()
    return Section(
        "Artefacts",
        "Masks that exploit artefacts",
        f"Both masks delete “{context.label(sample)}” by blurring. A mask that chooses single pixels freely finds what "
        "disturbs the network rather than what shows the object: its pixels are "
        f"{free.scatter / smooth.scatter:.0f} times as scattered. Shifted by four pixels, the free mask leaves a "
        f"probability of {free.shifted:.2f} (in place {free.probability:.2f}), the regularised mask "
        f"{smooth.shifted:.2f} (in place {smooth.probability:.2f}).",
        grid_html(grid),
        has_maps=True,
    )


def _grid(label: str, sample: Sample, deletions: Mapping[str, Deletion]) -> Grid:
    columns, tiles = [GridColumn("image")], [draw_image(sample)]
    for name, deletion in deletions.items():
        values = f"p {deletion.probability:.2f}, shifted {deletion.shifted:.2f}"
        columns += [
            GridColumn(f"mask, {name}", f"scatter {deletion.scatter:.2f}"),
            GridColumn(f"what is left, {name}", values),
        ]
        tiles += _tiles(sample, deletion)
    return Grid(columns, [GridRow(label, tiles)])


def _tiles(sample: Sample, deletion: Deletion) -> list[Tile]:
    remainder = torch.from_numpy(deletion.remainder).permute(2, 0, 1)
    # INTER_AREA, because the mask's single pixels must not be skipped.
    small = cv2.resize(deletion.mask, (TILE, TILE), interpolation=cv2.INTER_AREA)
    drawn = draw_on_own_scale(sample, small)  # type: ignore[arg-type]
    assert drawn is not None
    return [drawn, draw_image(Sample(sample.file, remainder, sample.target, ()))]


def _play_all(classifier: Classifier, sample: Sample) -> Arrays:
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, game in deletion_games().items():
        deletion = play(classifier, sample, game)
        numbers = np.array([deletion.probability, deletion.shifted, deletion.scatter])
        arrays |= {
            f"{name} mask": deletion.mask,
            f"{name} seen": deletion.remainder,
            f"{name} numbers": numbers,
        }
    return arrays


def _unpack(arrays: Arrays, name: str) -> Deletion:
    probability, shifted, scattered = arrays[f"{name} numbers"].tolist()
    return Deletion(
        arrays[f"{name} mask"],  # type: ignore[arg-type]
        arrays[f"{name} seen"],  # type: ignore[arg-type]
        probability,
        shifted,
        scattered,
    )
