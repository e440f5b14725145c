"""Lists of values that are stored for each map: curves to draw, and candidates that a summary chooses from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from whyframe_evaluation.metrics.box_geometry import box_area
from whyframe_evaluation.metrics.localisation import THRESHOLDS
from whyframe_evaluation.metrics.perturbations import PERTURBATIONS
from whyframe_evaluation.run.context import MapContext

__all__ = ["CURVES", "Curve", "compute_curves"]


@dataclass(frozen=True)
class Curve:
    """Kind of a list of values that is computed for each map.

    Attributes:
        description: Meaning of the values.
        compute: Function from a map to its values; None where they do not apply.
        cost: Number of passes through the classifier.
    """

    description: str
    compute: Callable[[MapContext], Sequence[float] | None]
    cost: int = 0


def compute_curves(context: MapContext, names: Iterable[str]) -> dict[str, list[float] | None]:
    """Return curves of one map by name, rounded to six digits; None where a curve does not apply."""
    curves: dict[str, list[float] | None] = {}
    for name in names:
        values = CURVES[name].compute(context)
        rounded = None if values is None else [round(float(value), 6) for value in values]
        curves[name] = None if rounded is None or any(map(math.isnan, rounded)) else rounded
    return curves


def _overlaps(rule: str) -> Callable[[MapContext], list[float] | None]:
    return lambda context: context.overlaps(rule) if context.sample.boxes else None


def _suppression(perturbation: str) -> Callable[[MapContext], Sequence[float]]:
    return lambda context: context.suppression_curves[perturbation].tolist()


CURVES: dict[str, Curve] = {
    "preserving": Curve(
        "Probability of the class while ranked pixels are added to the blurred image, in 32 equal steps.",
        lambda context: context.preserving_curve.tolist(),
        cost=33,
    ),
    "deletion": Curve(
        "Probability of the class while ranked pixels turn black, in 32 equal steps.",
        lambda context: context.deletion_curve.tolist(),
        cost=2 * 33,
    ),
    "box_area": Curve(
        "Area, in square pixels, of the box around the scores that reach 0, 0.1, ..., 1 of the map's range.",
        lambda context: [box_area(box) for box in context.box_curve.boxes],
        cost=4 * 13,
    ),
    "box_score": Curve(
        "Normalised probability of the class with each of these boxes blurred.",
        lambda context: context.box_curve.scores.tolist(),
        cost=4 * 13,
    ),
    **{
        f"left_{name}": Curve(
            f"Normalised probability under simplified masks that delete by {name}; alpha 0, 0.05, ..., 0.95.",
            _suppression(name),
            cost=62,
        )
        for name in PERTURBATIONS
    },
    **{
        f"iou_{rule}": Curve(
            f"Largest IoU of the box of the {rule} threshold with a true box, for each alpha of the grid.",
            _overlaps(rule),
        )
        for rule in THRESHOLDS
    },
}
"""Every curve of a map, by name."""
