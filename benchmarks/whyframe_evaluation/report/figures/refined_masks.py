"""Section with predicted masks before and after post-hoc refinement (Fu et al. 2022, Figs. 3(e), 5 right and 13)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from whyframe.perturb import Classify
from whyframe.refine import refine_mask
from whyframe_evaluation.metrics.classify import as_classify
from whyframe_evaluation.report.figures.image_grid import (
    Grid,
    GridColumn,
    grid_figure,
    grid_html,
    mask_row,
)
from whyframe_evaluation.report.figures.report_context import Arrays, Mask, ReportContext, Section
from whyframe_evaluation.run.samples import Sample

__all__ = ["HINT", "REFINED", "refine_sample_mask", "section"]

REFINED = ("ct", "bt", "mgnet", "predictor")
"""Methods whose masks are refined: the predictors, whose scores lie in [0, 1]."""

HINT = f"Before and after post-hoc refinement: --methods {','.join(REFINED)}"

STEPS = 32
"""Steps of the refinement, each a pass through the classifier."""

_MOST_IMAGES = 4


def refine_sample_mask(classify: Classify, sample: Sample, mask: Mask) -> Mask:
    """Return a mask after post-hoc refinement in `STEPS` steps (Fu et al. 2022, section 3.2.1).

    Args:
        classify: Function from N x S x S x 3 uint8 RGB frames to N x C probabilities.
        sample: The image and the class that the mask explains.
        mask: h x w in [0, 1].

    Returns:
        S x S float32 in [0, 1].
    """
    probability = float(classify(sample.frame[None])[0, sample.target])
    return refine_mask(classify, sample.frame, mask, sample.target, probability, STEPS)


def section(context: ReportContext) -> Section | None:
    """Return the section, or None where no predictor has maps."""
    methods = context.methods_with_maps(REFINED)
    if not methods or not context.shown_samples:
        return None
    masks = list(_masks(context, methods))
    key = hashlib.sha256(" ".join(_key(*entry) for entry in masks).encode()).hexdigest()[:8]
    refined = context.cached_arrays(f"tuned-{key}", lambda: _refine_all(context, masks))
    grid = _grid(context, methods, refined)
    context.save_figure("refinement", grid_figure(grid))
    return Section(
        "Refinement",
        "Before and after post-hoc refinement",
        f"Refinement spends {STEPS} more passes to lower the scores of pixels that the classifier does not need once "
        "the probability is restored. It keeps the order of the pixels, and so the faithfulness.",
        grid_html(grid),
        has_maps=True,
    )


def _grid(context: ReportContext, methods: Sequence[str], refined: Arrays) -> Grid:
    """Return a grid with two columns for each method, before and after, drawn on the same scale from 0 to 1."""
    columns = [GridColumn("image")]
    for name in methods:
        columns += [GridColumn(context.titles[name]), GridColumn(f"{context.titles[name]}, refined")]
    rows = [
        mask_row(context, sample, _before_and_after(context, methods, refined, sample))
        for sample in context.shown_samples[:_MOST_IMAGES]
    ]
    return Grid(columns, rows)


def _before_and_after(
    context: ReportContext, methods: Sequence[str], refined: Arrays, sample: Sample
) -> Iterator[Mask | None]:
    for name in methods:
        mask = context.result.mask(name, sample.file)
        yield mask
        yield None if mask is None else refined.get(_key(name, sample, mask))  # type: ignore[misc]


def _masks(context: ReportContext, methods: Sequence[str]) -> Iterator[tuple[str, Sample, Mask]]:
    for sample in context.shown_samples[:_MOST_IMAGES]:
        for name in methods:
            mask = context.result.mask(name, sample.file)
            if mask is not None:
                yield name, sample, mask


def _refine_all(context: ReportContext, masks: Sequence[tuple[str, Sample, Mask]]) -> Arrays:
    classifier = context.result.classifier
    classify = as_classify(classifier.probabilities, classifier.mean.device)
    return {
        _key(method, sample, mask): refine_sample_mask(classify, sample, mask)
        for method, sample, mask in masks
    }


def _key(method: str, sample: Sample, mask: Mask) -> str:
    """Return the name of a refined mask: a digest, because the slash of a sample's name would make folders."""
    return hashlib.sha256(f"{method} {sample.file}".encode() + mask.tobytes()).hexdigest()[:16]
