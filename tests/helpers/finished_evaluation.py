"""A small finished evaluation with known values and maps, for tests of the report."""

import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe.input_spec import InputSpec
from whyframe_evaluation.methods import METHODS, VARIANTS
from whyframe_evaluation.report.figures.report_context import ReportContext
from whyframe_evaluation.run.maps import Maps
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.evaluation_result import EvaluationFacts, EvaluationResult
from whyframe_evaluation.summary.method_summary import Estimate, MethodSummary
from whyframe_training.classifiers.classifier import Classifier

LABELS = [f"class {index}, also called {index}" for index in range(CLASSES)]
SLOPE = np.tile(np.linspace(1, 0, 16, dtype=np.float32), (16, 1))
"""16 x 16 map that falls from 1 at the left to 0 at the right."""

FACTS = EvaluationFacts("tiny", "photos", 2, 1, 0, "quick", "0.1.0")

_SCRATCH = tempfile.TemporaryDirectory()  # holds the folders of evaluations that are not given one


def summary(method: str, seconds: float = 0.1, passes: float = 1, **means: float) -> MethodSummary:
    """Return the summary of a method; the interval of each mean reaches from mean - 1 to mean + 1."""
    estimates = {name: Estimate(mean, mean - 1, mean + 1, 10) for name, mean in means.items()}
    known = {**METHODS, **VARIANTS}
    title = known[method]().title if method in known else method
    return MethodSummary(method, title, estimates, passes, 0, seconds, 0)


@cache
def classifier() -> Classifier:
    """Return the tiny network as a classifier."""
    return Classifier(build(), name="tiny", labels=LABELS, input=InputSpec.square(SIDE))


@cache
def samples() -> tuple[Sample, ...]:
    """Return two samples, the first with a box."""
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    boxes = ((8.0, 8.0, 40.0, 56.0),)
    return Sample("photos/a.png", images[0], 1, boxes), Sample("photos/b.png", images[1], 2, ())


def finished(
    summaries: Sequence[MethodSummary],
    maps: Mapping[tuple[str, str], NDArray[np.float32]] | None = None,
    folder: Path | None = None,
    **changes: Any,
) -> EvaluationResult:
    """Return the result of an evaluation; unless maps are given, every map is `SLOPE`."""
    if maps is None:
        maps = {(item.method, sample.file): SLOPE for item in summaries for sample in samples()}
    folder = folder or Path(tempfile.mkdtemp(dir=_SCRATCH.name))
    for key, scores in maps.items():
        Maps(folder / "maps").save(*key, scores)
    known: dict[str, Any] = {
        "classifier": classifier(),
        "folder": folder,
        "facts": FACTS,
        "samples": samples(),
        "map_results": [MapResult(method, file, 0) for method, file in maps],
        "method_summaries": summaries,
    }
    return EvaluationResult(**{**known, **changes})


def context(
    summaries: Sequence[MethodSummary], *arguments: Any, shown: int = 2, **changes: Any
) -> ReportContext:
    """Return the report context of a `finished` evaluation."""
    return ReportContext(finished(summaries, *arguments, **changes), shown)
