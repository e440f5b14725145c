"""Columns that are not plain means over the images: they depend on other methods, on categories or on other images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from whyframe_evaluation.metrics.faithfulness_min_max import min_max_over_methods
from whyframe_evaluation.metrics.localisation import GRIDS, THRESHOLDS, missed, search_alpha
from whyframe_evaluation.run.map_metrics import Column
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.estimates import estimate
from whyframe_training.statistics import Estimate

__all__ = ["AGGREGATES", "HEADLINE", "calibration_files", "localisation_error", "min_max", "pointing"]

HEADLINE = {
    "faithfulness_min_max": Column(
        "MF, min-max",
        "MF of each image, scaled so that the worst method of this evaluation has 0 on it and the best has 100; the "
        "mean is over the images for which every method has a value. It depends on the methods that are compared.",
        "faithfulness",
        True,
    )
}
"""Columns that stand before those of the metrics."""

AGGREGATES = {
    "pointing_difficult": Column(
        "pointing, difficult",
        "The pointing game on images whose object covers less than a quarter of the image and that hold another "
        "category.",
        "boxes",
        True,
    ),
    "pointing_margin_difficult": Column(
        "pointing, difficult, 15 px",
        "The pointing game on difficult images with a tolerance of 15 pixels around each box.",
        "boxes",
        True,
    ),
    **{
        f"localisation_{rule}": Column(
            f"localisation error, {rule}",
            "Percentage of images for which the box around the map's largest region above a threshold of its "
            f"{rule} overlaps every true box by an IoU of at most 0.5 (Fong and Vedaldi 2017, section 5.6). The "
            "threshold alpha is the best for every second boxed image; the error is that of the other images. "
            "Lower is better.",
            "boxes",
            False,
        )
        for rule in THRESHOLDS
    },
}
"""Columns that stand after those of the metrics."""


def min_max(results: Sequence[MapResult]) -> dict[str, Estimate]:
    """Return the faithfulness of each method, scaled image by image over all methods.

    Args:
        results: Results of all methods. The images are those for which each method has a value; a method without any
            map does not count.

    Returns:
        The estimates by method; empty for fewer than two methods.
    """
    table: dict[str, dict[str, float]] = {result.method: {} for result in results if not result.error}
    for result in results:
        value = result.values.get("faithfulness")
        if value is not None:
            table[result.method][result.file] = value
    if len(table) < 2:
        return {}
    common = sorted(set.intersection(*map(set, table.values())))
    scaled = min_max_over_methods({name: [values[file] for file in common] for name, values in table.items()})
    estimates = {name: estimate(values[~np.isnan(values)].tolist()) for name, values in scaled.items()}
    return {name: mean for name, mean in estimates.items() if mean is not None}


def pointing(
    results: Sequence[MapResult], samples: Sequence[Sample], metric: str, difficult: bool = False
) -> Estimate | None:
    """Return the pointing game of one method: the mean over categories of their hit rates (Fu et al. 2022, Eq. 10).

    Args:
        results: Results of the method.
        samples: The samples.
        metric: ``"pointing"`` or ``"pointing_margin"``.
        difficult: Whether only difficult images count.
    """
    counted = {sample.file: sample for sample in samples if sample.difficult or not difficult}
    hits = [
        (value, counted[result.file].category)
        for result in results
        if result.file in counted and (value := result.values.get(metric)) is not None
    ]
    return estimate([value for value, _ in hits], [category for _, category in hits])


def calibration_files(samples: Sequence[Sample]) -> set[str]:
    """Return the names of the samples on which thresholds are chosen: every second boxed image of each folder."""
    boxed_count: Counter[str] = Counter()
    chosen = set()
    for sample in samples:
        if sample.boxes:
            folder = sample.file.partition("/")[0]
            if boxed_count[folder] % 2 == 0:
                chosen.add(sample.file)
            boxed_count[folder] += 1
    return chosen


def localisation_error(results: Sequence[MapResult], calibration: set[str], rule: str) -> Estimate | None:
    """Return the localisation error in percent at the threshold that is best on the calibration samples.

    Args:
        results: Results of one method.
        calibration: Names of the samples on which alpha is chosen; the smallest of equally good values is taken. The
            error is that of the other samples.
        rule: Name of the threshold rule: ``"value"``, ``"energy"`` or ``"mean"``.

    Returns:
        The error with the chosen alpha as its note, or None without samples of both kinds.
    """
    found = [(result.file in calibration, result.curves.get(f"iou_{rule}")) for result in results]
    overlaps = [(in_calibration, values) for in_calibration, values in found if values is not None]
    chosen_on = [values for in_calibration, values in overlaps if in_calibration]
    tested_on = [values for in_calibration, values in overlaps if not in_calibration]
    if not (chosen_on and tested_on):
        return None
    best = search_alpha(chosen_on)
    errors = 100.0 * missed([values[best] for values in tested_on])
    return estimate(errors.tolist(), note=f"alpha {GRIDS[rule][best]:g}")
