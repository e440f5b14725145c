"""What is measured of a map, by name; each applies or does not, and says so by None."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from whyframe.perturb import faithfulness, rank_pixels
from whyframe_evaluation.metrics.insertion_deletion import area_under_curve
from whyframe_evaluation.metrics.interrogation import box_suppression
from whyframe_evaluation.metrics.localisation import predicted_box
from whyframe_evaluation.metrics.minimal_deletion import SUPPRESSIONS, minimal_area
from whyframe_evaluation.metrics.perturbations import PERTURBATIONS
from whyframe_evaluation.metrics.pointing_game import MARGIN, pointing_hit
from whyframe_evaluation.metrics.pr_auc import pr_auc
from whyframe_evaluation.metrics.score_distribution import (
    discriminative_share,
    right_tail_share,
    skewness,
    supporting_pixels,
)
from whyframe_evaluation.run.context import MapContext

__all__ = ["CHEAP_METRIC", "GROUPS", "METRICS", "Column", "Metric", "compute_metrics"]

CHEAP_METRIC = 40
"""Passes through the classifier; a measure that takes more is taken on fewer pictures with the quick budget."""

GROUPS = {
    "faithfulness": "Faithfulness",
    "boxes": "Boxes",
    "distribution": "Distribution of the scores",
    "deletion": "Deletion (second paper)",
}
"""Of columns, with their headings."""


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        title: its heading.
        description: what it means, for a person.
        group: one of `GROUPS`.
        higher_is_better: whether more is better; None where neither is.
    """

    title: str
    description: str
    group: str
    higher_is_better: bool | None


@dataclass(frozen=True)
class Metric(Column):
    """A column that is measured of each map.

    Attributes:
        of: its value for one map, None or NaN where it does not apply.
        masks_only: it is of methods whose maps are masks.
        cost: passes through the classifier that it takes, with those of the measures that it is read beside.
    """

    of: Callable[[MapContext], float | None]
    cost: int = 0
    masks_only: bool = False


def compute_metrics(seen: MapContext, names: Iterable[str]) -> dict[str, float | None]:
    """Measures of one map, by name."""
    values = {name: METRICS[name].of(seen) for name in names}
    return {
        name: None if value is None or math.isnan(value) else float(value) for name, value in values.items()
    }


def _boxed(of: Callable[[MapContext], float]) -> Callable[[MapContext], float | None]:
    return lambda seen: of(seen) if seen.subject.boxes else None


def _pointing(margin: float) -> Callable[[MapContext], float | None]:
    return _boxed(lambda seen: 100.0 * pointing_hit(seen.heatmap, seen.subject.boxes, margin))


def _mask(of: Callable[[MapContext], float]) -> Callable[[MapContext], float | None]:
    """For maps that are masks: in [0, 1], and not all in its lowest quarter, as a gradient's tiny numbers are."""
    return lambda seen: 100 * of(seen) if seen.scores.min() >= 0 and 0.25 < seen.scores.max() <= 1 else None


def _right_skewed(seen: MapContext) -> float:
    third_moment = skewness(seen.scores)
    return math.nan if math.isnan(third_moment) else 100.0 * (third_moment > 0)


def _discriminative(seen: MapContext) -> float:
    order = rank_pixels(seen.heatmap)
    supporting = supporting_pixels(seen.preserving.numpy(), order, seen.bench.side)
    return discriminative_share(seen.heatmap[supporting])


def _minimal_box(suppression: float) -> Callable[[MapContext], float]:
    return lambda seen: 100 * minimal_area(seen.boxes, suppression) / seen.bench.side**2


def _representativeness(perturbation: str) -> Callable[[MapContext], float]:
    return lambda seen: 100 * float(seen.suppression[perturbation].mean())


def _interrogation(seen: MapContext) -> float:
    one, box = seen.subject, predicted_box(seen.heatmap, "value", 0.5)
    return 100 * box_suppression(seen.bench.classify, one.frame, box, one.target)


METRICS: dict[str, Metric] = {
    "faithfulness": Metric(
        "MF",
        "How soon the classifier is sure again as the pixels that the map ranks highest are added to a blurred "
        "picture; 100 is at once. Only pictures whose blurring matters count (Eq. 9).",
        "faithfulness",
        True,
        lambda seen: faithfulness(seen.preserving.numpy()),
        cost=33,
    ),
    "insertion": Metric(
        "insertion",
        "Area under the class's probability as the best pixels are added to the blurred picture, in percent.",
        "faithfulness",
        True,
        lambda seen: 100 * area_under_curve(seen.preserving.numpy()),
        cost=33,
    ),
    "deletion": Metric(
        "deletion",
        "Area under the class's probability as the best pixels turn black, in percent; less is better.",
        "faithfulness",
        False,
        lambda seen: 100 * area_under_curve(seen.deletion),
        cost=2 * 33,
    ),
    "pr_auc": Metric(
        "PR-AUC",
        "How well the scores tell the object's boxes from the rest (Eq. 11).",
        "boxes",
        True,
        _boxed(lambda seen: pr_auc(seen.heatmap, seen.subject.boxes)),
    ),
    "pointing": Metric(
        "pointing",
        "Share of pictures whose highest score is in a box, by category, then the mean of the categories (Eq. 10).",
        "boxes",
        True,
        _pointing(0),
    ),
    "pointing_margin": Metric(
        "pointing, 15 px",
        "The same, where 15 pixels beside a box count as hit.",
        "boxes",
        True,
        _pointing(MARGIN),
    ),
    "skewness": Metric(
        "skewness",
        "Above 0: most scores low, a light tail of high ones.",
        "distribution",
        None,
        lambda seen: skewness(seen.scores),
    ),
    "right_skewed": Metric(
        "right-skewed",
        "Share of pictures, in percent, whose scores are skewed to the right (Principle 1).",
        "distribution",
        None,
        _right_skewed,
    ),
    "mean_score": Metric(
        "mean score",
        "Of a mask, in percent. Masks only: scores in [0, 1].",
        "distribution",
        None,
        _mask(lambda seen: float(np.mean(seen.scores))),
        masks_only=True,
    ),
    "right_tail": Metric(
        "above 0.8",
        "Share of a mask's scores above 0.8, in percent. Masks only: scores in [0, 1].",
        "distribution",
        None,
        _mask(lambda seen: right_tail_share(seen.scores, 0.8)),
        masks_only=True,
    ),
    "between": Metric(
        "0.2 to 0.8",
        "Share of a mask's scores that are not stacked near 0 or 1, in percent.",
        "distribution",
        None,
        _mask(lambda seen: discriminative_share(seen.scores)),
        masks_only=True,
    ),
    "discriminative": Metric(
        "0.2 to 0.8 of supporting",
        "The same among the pixels that together restore 90 % of the probability, in percent.",
        "distribution",
        True,
        _mask(_discriminative),
        cost=33,
        masks_only=True,
    ),
    **{
        f"box_{100 * share:.0f}": Metric(
            f"box, {100 * share:.0f} %",
            f"Smallest box around the map whose blurring takes {100 * share:.0f} % of the normalised probability, in "
            "percent of the picture (5.3). Less is better.",
            "deletion",
            False,
            _minimal_box(share),
            cost=4 * 13,
        )
        for share in SUPPRESSIONS
    },
    **{
        name: Metric(
            f"left by {name}",
            f"Mean normalised probability, in percent, as simplified masks delete more and more by {name} (5.2).",
            "deletion",
            False,
            _representativeness(name),
            cost=62,
        )
        for name in PERTURBATIONS
    },
    "interrogation": Metric(
        "taken by its box",
        "Share of the class's probability, in percent, that is lost when the box around the map's largest region above "
        "half its range is blurred (Fig. 6). A larger box takes more: read it with the smallest boxes.",
        "deletion",
        True,
        _interrogation,
        cost=4 * 13 + 2,
    ),
}
"""Every measure of a map, in the order of tables."""
