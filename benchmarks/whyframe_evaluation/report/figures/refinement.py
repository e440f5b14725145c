"""Predicted masks before and after post hoc tuning (Fig. 3(e), Fig. 5 right, Fig. 13 of the first paper)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from whyframe.perturb import Classify
from whyframe.refine import refine_mask
from whyframe_evaluation.metrics.classify import as_classify
from whyframe_evaluation.report.figures.image_grid import Column, Grid, grid_figure, grid_html, row
from whyframe_evaluation.report.figures.report_context import Arrays, Mask, ReportContext, Section
from whyframe_evaluation.run.samples import Sample

__all__ = ["TUNED", "section", "tune", "tuning"]

TUNED = ("ct", "bt", "mgnet", "predictor")
"""Methods whose masks are tuned: the predictors', whose scores lie in [0, 1]."""

STEPS = 32
_PICTURES = 4


def tune(classify: Classify, subject: Sample, mask: Mask) -> Mask:
    """A mask after post hoc tuning with `STEPS` passes (section 3.2.1).

    Args:
        classify: frames to probabilities.
        subject: what the mask explains.
        mask: h x w in [0, 1].

    Returns:
        S x S float32 in [0, 1].
    """
    probability = float(classify(subject.frame[None])[0, subject.target])
    return refine_mask(classify, subject.frame, mask, subject.target, probability, STEPS)


def tuning(material: ReportContext, methods: Sequence[str], tuned: Arrays) -> Grid:
    """Rows are pictures; each method has two columns, before and after, with 0 to 1 the same colours in all.

    Args:
        material: of the study.
        methods: whose masks were tuned.
        tuned: the masks after tuning by `_key`.
    """
    columns = [Column("picture")]
    for name in methods:
        columns += [Column(material.titles[name]), Column(f"{material.titles[name]}, tuned")]
    pictures = material.pictures[:_PICTURES]
    return Grid(columns, [row(material, one, _masks(material, methods, tuned, one)) for one in pictures])


def _masks(
    material: ReportContext, methods: Sequence[str], tuned: Arrays, subject: Sample
) -> Iterator[Mask | None]:
    for name in methods:
        mask = material.mask_of(name, subject.file)
        yield mask
        yield None if mask is None else tuned.get(_key(name, subject, mask))  # type: ignore[misc]


def section(material: ReportContext) -> Section | None:
    """Left out where there is no predictor, or no classifier to tune with."""
    methods = material.present(TUNED)
    if not methods or material.classifier is None or not material.pictures:
        return None
    pairs = list(_pairs(material, methods))
    key = hashlib.sha256(" ".join(_key(*pair) for pair in pairs).encode()).hexdigest()[:8]
    grid = tuning(material, methods, material.kept(f"tuned-{key}", lambda: _tuned(material, pairs)))
    material.save("tuning", grid_figure(grid))
    return Section(
        "Tuning",
        "Before and after post hoc tuning",
        f"Tuning spends {STEPS} more passes to lower the scores of pixels that the classifier does not need once it "
        "is sure. It keeps the order of the pixels, so that faithfulness stays as it is; what fades was redundant.",
        grid_html(grid),
    )


def _pairs(material: ReportContext, methods: Sequence[str]) -> Iterator[tuple[str, Sample, Mask]]:
    for subject in material.pictures[:_PICTURES]:
        for name in methods:
            mask = material.mask_of(name, subject.file)
            if mask is not None:
                yield name, subject, mask


def _tuned(material: ReportContext, pairs: Sequence[tuple[str, Sample, Mask]]) -> Arrays:
    assert material.classifier is not None
    classify = as_classify(material.classifier.logits, material.classifier.mean.device)
    return {_key(*pair): tune(classify, *pair[1:]) for pair in pairs}


def _key(method: str, subject: Sample, mask: Mask) -> str:
    """Of what was tuned; a digest, because the slash of a file's name would make folders."""
    return hashlib.sha256(f"{method} {subject.file}".encode() + mask.tobytes()).hexdigest()[:16]
