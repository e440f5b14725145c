"""What is kept of a map as a list of values: curves to draw, and what a summary chooses from."""

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
    """A list of values of each map.

    Attributes:
        description: what they are.
        of: the values for one map, None where they do not apply.
        cost: passes through the classifier that it takes.
    """

    description: str
    of: Callable[[MapContext], Sequence[float] | None]
    cost: int = 0


def compute_curves(seen: MapContext, names: Iterable[str]) -> dict[str, list[float] | None]:
    """Curves of one map, by name; None where they do not apply or could not be measured."""
    found: dict[str, list[float] | None] = {}
    for name in names:
        values = CURVES[name].of(seen)
        plain = None if values is None else [round(float(value), 6) for value in values]
        found[name] = None if plain is None or any(map(math.isnan, plain)) else plain
    return found


def _overlaps(rule: str) -> Callable[[MapContext], list[float] | None]:
    return lambda seen: seen.overlaps(rule) if seen.subject.boxes else None


def _suppression(perturbation: str) -> Callable[[MapContext], Sequence[float]]:
    return lambda seen: seen.suppression[perturbation].tolist()


CURVES: dict[str, Curve] = {
    "preserving": Curve(
        "Probability as ranked pixels enter the blurred picture, 32 equal steps.",
        lambda seen: seen.preserving.tolist(),
        cost=33,
    ),
    "deletion": Curve(
        "Probability as ranked pixels turn black, 32 equal steps.",
        lambda seen: seen.deletion.tolist(),
        cost=2 * 33,
    ),
    "box_area": Curve(
        "Area of the box around the scores that reach 0, 0.1, ..., 1 of the map's range, in square pixels.",
        lambda seen: [box_area(box) for box in seen.boxes.boxes],
        cost=4 * 13,
    ),
    "box_score": Curve(
        "Normalised probability once each of these boxes is blurred.",
        lambda seen: seen.boxes.scores.tolist(),
        cost=4 * 13,
    ),
    **{
        f"left_{name}": Curve(
            f"Normalised probability as simplified masks delete more by {name}; alpha 0, 0.05, ..., 0.95.",
            _suppression(name),
            cost=62,
        )
        for name in PERTURBATIONS
    },
    **{
        f"iou_{rule}": Curve(
            f"Largest overlap of the {rule} threshold's box with a true one, for each alpha of the grid.",
            _overlaps(rule),
        )
        for rule in THRESHOLDS
    },
}
"""Every curve of a map."""
