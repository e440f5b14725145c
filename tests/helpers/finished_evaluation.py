"""A small finished evaluation with known numbers and maps, for tests of the report."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe_evaluation.report.figures.report_context import ReportContext
from whyframe_evaluation.report.method_summary import Estimate, MethodSummary
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier

LABELS = [f"class {index}, also called {index}" for index in range(CLASSES)]
SLOPE = np.tile(np.linspace(1, 0, 16, dtype=np.float32), (16, 1))
"""16 x 16 map that falls from 1 at the left to 0 at the right."""


def line(method: str, seconds: float = 0.1, passes: float = 1, **means: float) -> MethodSummary:
    """Return the summary of a method; the interval of each mean reaches from mean - 1 to mean + 1."""
    cells = {name: Estimate(mean, mean - 1, mean + 1, 10) for name, mean in means.items()}
    return MethodSummary(method, cells, passes, 0, seconds, 0)


@cache
def classifier() -> Classifier:
    """Return the tiny network as a classifier."""
    return Classifier(build(), name="tiny", labels=LABELS, side=SIDE)


@cache
def pictures() -> tuple[Sample, ...]:
    """Return two samples, the first with a box."""
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    boxes = ((8.0, 8.0, 40.0, 56.0),)
    return Sample("photos/a.png", images[0], 1, boxes), Sample("photos/b.png", images[1], 2, ())


def material(
    lines: Sequence[MethodSummary],
    maps: Mapping[tuple[str, str], NDArray[np.float32]] | None = None,
    **changes: Any,
) -> ReportContext:
    """Return the report context of method summaries; unless maps are given, every map is `SLOPE`."""
    if maps is None:
        maps = {(line.method, subject.file): SLOPE for line in lines for subject in pictures()}
    known: dict[str, Any] = {
        "lines": lines,
        "rows": [MapResult(method, file, 0) for method, file in maps],
        "subjects": pictures(),
        "shown": 2,
        "labels": LABELS,
        "mask_of": lambda method, file: maps.get((method, file)),
    }
    return ReportContext(**{**known, **changes})
