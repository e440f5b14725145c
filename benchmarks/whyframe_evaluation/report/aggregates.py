"""Columns that are no mean over a method's pictures: they need other methods, categories, or other pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from whyframe_evaluation.metrics.faithfulness_min_max import min_max_over_methods
from whyframe_evaluation.metrics.localisation import GRIDS, THRESHOLDS, missed, search_alpha
from whyframe_evaluation.report.estimates import estimate
from whyframe_evaluation.run.map_metrics import Column
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_training.statistics import Estimate

__all__ = ["AGGREGATES", "HEADLINE", "held_out_half", "localisation", "min_max", "pointing"]

HEADLINE = {
    "faithfulness_min_max": Column(
        "MF, min-max",
        "MF of each picture scaled so that the worst method of this study has 0 there and the best 100, over the "
        "pictures that every method saw. It changes with the methods that are compared.",
        "faithfulness",
        True,
    )
}

AGGREGATES = {
    "pointing_difficult": Column(
        "pointing, difficult",
        "The pointing game on pictures whose object covers less than a quarter and which hold another category.",
        "boxes",
        True,
    ),
    "pointing_margin_difficult": Column(
        "pointing, difficult, 15 px", "The same, where 15 pixels beside a box count as hit.", "boxes", True
    ),
    **{
        f"localisation_{rule}": Column(
            f"localisation error, {rule}",
            "Share of pictures, in percent, where the box around the map's largest region above a threshold of its "
            f"{rule} overlaps no true box by more than half. The threshold alpha is the best one on every second "
            "boxed picture; the error is that of the others. Less is better.",
            "boxes",
            False,
        )
        for rule in THRESHOLDS
    },
}


def min_max(rows: Sequence[MapResult]) -> dict[str, Estimate]:
    """By method, the faithfulness scaled by picture over all methods that gave any map.

    The pictures are those on which each of these methods has a value.
    """
    table: dict[str, dict[str, float]] = {row.method: {} for row in rows if not row.error}
    for row in rows:
        value = row.values.get("faithfulness")
        if value is not None:
            table[row.method][row.file] = value
    if len(table) < 2:
        return {}
    common = sorted(set.intersection(*map(set, table.values())))
    scaled = min_max_over_methods({name: [own[file] for file in common] for name, own in table.items()})
    cells = {name: estimate(values[~np.isnan(values)].tolist()) for name, values in scaled.items()}
    return {name: cell for name, cell in cells.items() if cell is not None}


def pointing(
    rows: Sequence[MapResult], subjects: Sequence[Sample], measure: str, difficult: bool = False
) -> Estimate | None:
    """Eq. 10 of one method: the hits of each category, then the mean over categories.

    Args:
        rows: of the method.
        subjects: the pictures.
        measure: ``"pointing"`` or ``"pointing_margin"``.
        difficult: only pictures that are difficult.
    """
    known = {one.file: one for one in subjects if one.difficult or not difficult}
    hits = [
        (value, known[row.file].category)
        for row in rows
        if row.file in known and (value := row.values.get(measure)) is not None
    ]
    return estimate([value for value, _ in hits], [category for _, category in hits])


def held_out_half(subjects: Sequence[Sample]) -> set[str]:
    """The boxed pictures on which thresholds are chosen: every second one of each folder."""
    seen: Counter[str] = Counter()
    half = set()
    for one in subjects:
        if one.boxes:
            folder = one.file.partition("/")[0]
            if seen[folder] % 2 == 0:
                half.add(one.file)
            seen[folder] += 1
    return half


def localisation(rows: Sequence[MapResult], held_out: set[str], rule: str) -> Estimate | None:
    """The error in percent at the alpha that is best on the held-out pictures, on the others.

    Args:
        rows: of one method.
        held_out: pictures to choose alpha on; the smallest of equally good ones.
        rule: ``"value"``, ``"energy"`` or ``"mean"``.
    """
    found = [(row.file in held_out, row.curves.get(f"iou_{rule}")) for row in rows]
    overlaps = [(held, values) for held, values in found if values is not None]
    chosen_on = [values for held, values in overlaps if held]
    tested_on = [values for held, values in overlaps if not held]
    if not (chosen_on and tested_on):
        return None
    best = search_alpha(chosen_on)
    errors = 100.0 * missed([values[best] for values in tested_on])
    return estimate(errors.tolist(), note=f"alpha {GRIDS[rule][best]:g}")
