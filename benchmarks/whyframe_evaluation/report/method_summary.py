"""From rows to a line a method: values with bootstrap intervals, counts, passes and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.metrics.localisation import THRESHOLDS
from whyframe_evaluation.report.aggregates import (
    AGGREGATES,
    HEADLINE,
    held_out_half,
    localisation,
    min_max,
    pointing,
)
from whyframe_evaluation.report.estimates import estimate
from whyframe_evaluation.run.map_metrics import GROUPS, METRICS, Column
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_training.statistics import Estimate

__all__ = ["COLUMNS", "Estimate", "MethodSummary", "summarise", "text"]

_ALL: Mapping[str, Column] = {**HEADLINE, **METRICS, **AGGREGATES}
COLUMNS = {name: one for group in GROUPS for name, one in _ALL.items() if one.group == group}
"""Every column, group by group in the order of `GROUPS`."""


@dataclass(frozen=True)
class MethodSummary:
    """One method's line of the table.

    Attributes:
        method: its name.
        cells: by name of `COLUMNS`; a column that applied to no picture is missing.
        forward: median passes for a picture.
        backward: likewise.
        seconds: median time for a picture.
        failures: pictures on which it failed.
    """

    method: str
    cells: dict[str, Estimate]
    forward: float
    backward: float
    seconds: float
    failures: int


def summarise(
    rows: Sequence[MapResult], methods: Sequence[Method], subjects: Sequence[Sample]
) -> list[MethodSummary]:
    """One line a method, in the order given.

    Args:
        rows: of all methods.
        methods: that the rows are of.
        subjects: the pictures.
    """
    scaled = min_max(rows)
    lines = []
    for method in methods:
        own = [row for row in rows if row.method == method.name]
        good = [row for row in own if not row.error]
        head = {"faithfulness_min_max": scaled.get(method.name)}
        cells = {**head, **_means(good, method), **_aggregates(good, subjects)}
        known = {column: cell for column in COLUMNS if (cell := cells.get(column)) is not None}
        lines.append(MethodSummary(method.name, known, *_cost(good), len(own) - len(good)))
    return lines


def _means(rows: Sequence[MapResult], method: Method) -> dict[str, Estimate | None]:
    return {
        name: estimate([value for row in rows if (value := row.values.get(name)) is not None])
        for name, measure in METRICS.items()
        if method.mask or not measure.masks_only
    }


def _aggregates(rows: Sequence[MapResult], subjects: Sequence[Sample]) -> dict[str, Estimate | None]:
    half = held_out_half(subjects)
    cells = {f"localisation_{rule}": localisation(rows, half, rule) for rule in THRESHOLDS}
    for measure in ("pointing", "pointing_margin"):
        cells[measure] = pointing(rows, subjects, measure)
        cells[f"{measure}_difficult"] = pointing(rows, subjects, measure, difficult=True)
    return cells


def _cost(rows: Sequence[MapResult]) -> tuple[float, float, float]:
    if not rows:
        return 0.0, 0.0, 0.0
    forward, backward, seconds = np.median(
        [(row.forward, row.backward, row.seconds) for row in rows], axis=0
    ).tolist()
    return forward, backward, seconds


def text(cell: Estimate | None) -> str:
    """A cell as people read it: value, interval, count."""
    if cell is None:
        return "-"
    note = f", {cell.note}" if cell.note else ""
    return f"{cell.mean:.2f} ({cell.low:.2f} to {cell.high:.2f}, n = {cell.count}{note})"
