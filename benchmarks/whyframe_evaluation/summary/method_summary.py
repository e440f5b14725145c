"""Summaries of methods: values with bootstrap intervals, numbers of passes and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.metrics.localisation import THRESHOLDS
from whyframe_evaluation.run.map_metrics import COLUMN_GROUPS, METRICS, Column
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.aggregates import (
    AGGREGATES,
    HEADLINE,
    calibration_files,
    localisation_error,
    min_max,
    pointing,
)
from whyframe_evaluation.summary.estimates import estimate
from whyframe_training.statistics import Estimate

__all__ = ["COLUMNS", "Estimate", "MethodSummary", "format_estimate", "summarise"]

_ALL: Mapping[str, Column] = {**HEADLINE, **METRICS, **AGGREGATES}
COLUMNS = {name: column for group in COLUMN_GROUPS for name, column in _ALL.items() if column.group == group}
"""Every column of the tables by name, group by group in the order of `COLUMN_GROUPS`."""


@dataclass(frozen=True)
class MethodSummary:
    """Results of one method over all samples.

    Attributes:
        method: Name of the method.
        title: Title of the method in tables and figures.
        estimates: Means with their intervals, by name of `COLUMNS`; a column that applies to no image is missing.
        forward: Median number of forward passes per image.
        backward: Median number of backward passes per image.
        seconds: Median time per image in seconds.
        failures: Number of images on which the method failed.
    """

    method: str
    title: str
    estimates: dict[str, Estimate]
    forward: float
    backward: float
    seconds: float
    failures: int

    @property
    def passes(self) -> float:
        """Forward and backward passes per image."""
        return self.forward + self.backward


def summarise(
    results: Sequence[MapResult], methods: Sequence[Method], samples: Sequence[Sample]
) -> list[MethodSummary]:
    """Return a summary of each method, in the order given.

    Args:
        results: Results of all methods.
        methods: The methods.
        samples: The samples.
    """
    scaled = min_max(results)
    summaries = []
    for method in methods:
        own = [result for result in results if result.method == method.name]
        successful = [result for result in own if not result.error]
        values = {
            "faithfulness_min_max": scaled.get(method.name),
            **_means(successful, method),
            **_aggregates(successful, samples),
        }
        estimates = {column: mean for column in COLUMNS if (mean := values.get(column)) is not None}
        cost, failures = _median_cost(successful), len(own) - len(successful)
        summaries.append(MethodSummary(method.name, method.title, estimates, *cost, failures))
    return summaries


def _means(results: Sequence[MapResult], method: Method) -> dict[str, Estimate | None]:
    return {
        name: estimate([value for result in results if (value := result.values.get(name)) is not None])
        for name, metric in METRICS.items()
        if method.mask or not metric.masks_only
    }


def _aggregates(results: Sequence[MapResult], samples: Sequence[Sample]) -> dict[str, Estimate | None]:
    calibration = calibration_files(samples)
    values = {f"localisation_{rule}": localisation_error(results, calibration, rule) for rule in THRESHOLDS}
    for metric in ("pointing", "pointing_margin"):
        values[metric] = pointing(results, samples, metric)
        values[f"{metric}_difficult"] = pointing(results, samples, metric, difficult=True)
    return values


def _median_cost(results: Sequence[MapResult]) -> tuple[float, float, float]:
    """Return the median forward passes, backward passes and seconds; zeros without results."""
    if not results:
        return 0.0, 0.0, 0.0
    forward, backward, seconds = np.median(
        [(result.forward, result.backward, result.seconds) for result in results], axis=0
    ).tolist()
    return forward, backward, seconds


def format_estimate(value: Estimate | None) -> str:
    """Return the text of an estimate: mean, interval, count and note; ``-`` for None."""
    if value is None:
        return "-"
    note = f", {value.note}" if value.note else ""
    return f"{value.mean:.2f} ({value.low:.2f} to {value.high:.2f}, n = {value.count}{note})"
