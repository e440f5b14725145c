"""Metrics of one map, by name; the value of a metric that does not apply to a map is None."""

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

__all__ = ["CHEAP_METRIC", "COLUMN_GROUPS", "METRICS", "Column", "Metric", "compute_metrics"]

CHEAP_METRIC = 40
"""Largest number of passes of a metric that the quick budget computes for every image."""

COLUMN_GROUPS = {
    "faithfulness": "Faithfulness",
    "boxes": "Boxes",
    "distribution": "Distribution of the scores",
    "deletion": "Deletion (Fong and Vedaldi 2017)",
}
"""Headings of the groups of columns, in the order of the tables."""


@dataclass(frozen=True)
class Column:
    """A column of the tables.

    Attributes:
        title: Heading of the column.
        description: Meaning of the values, in plain words.
        group: Key of `COLUMN_GROUPS`.
        higher_is_better: Whether higher values are better; None where neither higher nor lower values are.
    """

    title: str
    description: str
    group: str
    higher_is_better: bool | None


@dataclass(frozen=True)
class Metric(Column):
    """A column whose values are computed for each map.

    Attributes:
        compute: Function from a map to its value; None or NaN where the metric does not apply.
        cost: Number of passes through the classifier, including those of metrics to compare it with.
        masks_only: Whether the metric applies only to methods whose maps are masks.
    """

    compute: Callable[[MapContext], float | None]
    cost: int = 0
    masks_only: bool = False


def compute_metrics(context: MapContext, names: Iterable[str]) -> dict[str, float | None]:
    """Return metrics of one map by name; None where a metric does not apply."""
    values = {name: METRICS[name].compute(context) for name in names}
    return {
        name: None if value is None or math.isnan(value) else float(value) for name, value in values.items()
    }


def _with_boxes(compute: Callable[[MapContext], float]) -> Callable[[MapContext], float | None]:
    """Restrict a metric to samples with boxes."""
    return lambda context: compute(context) if context.sample.boxes else None


def _pointing(margin: float) -> Callable[[MapContext], float | None]:
    return _with_boxes(lambda context: 100.0 * pointing_hit(context.heatmap, context.sample.boxes, margin))


def _of_mask(compute: Callable[[MapContext], float]) -> Callable[[MapContext], float | None]:
    """Restrict a metric to masks, and give it in percent.

    A mask lies in [0, 1] and does not lie in the lowest quarter of that range, as the tiny values of a gradient do.
    """

    def percent(context: MapContext) -> float | None:
        is_mask = context.scores.min() >= 0 and 0.25 < context.scores.max() <= 1
        return 100 * compute(context) if is_mask else None

    return percent


def _right_skewed(context: MapContext) -> float:
    third_moment = skewness(context.scores)
    return math.nan if math.isnan(third_moment) else 100.0 * (third_moment > 0)


def _discriminative(context: MapContext) -> float:
    order = rank_pixels(context.heatmap)
    supporting = supporting_pixels(context.preserving_curve.numpy(), order, *context.heatmap.shape)
    return discriminative_share(context.heatmap[supporting])


def _minimal_box(suppression: float) -> Callable[[MapContext], float]:
    return lambda context: 100 * minimal_area(context.box_curve, suppression) / context.heatmap.size


def _representativeness(perturbation: str) -> Callable[[MapContext], float]:
    return lambda context: 100 * float(context.suppression_curves[perturbation].mean())


def _interrogation(context: MapContext) -> float:
    sample, box = context.sample, predicted_box(context.heatmap, "value", 0.5)
    return 100 * box_suppression(context.classifier.classify, sample.frame, box, sample.target)


METRICS: dict[str, Metric] = {
    "faithfulness": Metric(
        "MF",
        "How soon the classifier regains its probability while the pixels that the map ranks highest are added to a "
        "blurred image; 100 means at once. Only images that lose more than 0.1 of the probability by blurring count "
        "(Fu et al. 2022, Eq. 9).",
        "faithfulness",
        True,
        lambda context: faithfulness(context.preserving_curve.numpy()),
        cost=33,
    ),
    "insertion": Metric(
        "insertion",
        "Area under the class's probability, in percent, while the pixels that the map ranks highest are added to a "
        "blurred image.",
        "faithfulness",
        True,
        lambda context: 100 * area_under_curve(context.preserving_curve.numpy()),
        cost=33,
    ),
    "deletion": Metric(
        "deletion",
        "Area under the class's probability, in percent, while the pixels that the map ranks highest turn black. "
        "Lower is better.",
        "faithfulness",
        False,
        lambda context: 100 * area_under_curve(context.deletion_curve),
        cost=2 * 33,
    ),
    "pr_auc": Metric(
        "PR-AUC",
        "How well the scores separate the pixels in the object's boxes from the others (Fu et al. 2022, Eq. 11).",
        "boxes",
        True,
        _with_boxes(lambda context: pr_auc(context.heatmap, context.sample.boxes)),
    ),
    "pointing": Metric(
        "pointing",
        "Pointing game: the percentage of images whose highest score lies in a box, computed for each category and "
        "averaged over the categories (Fu et al. 2022, Eq. 10).",
        "boxes",
        True,
        _pointing(0),
    ),
    "pointing_margin": Metric(
        "pointing, 15 px",
        "The pointing game with a tolerance of 15 pixels around each box.",
        "boxes",
        True,
        _pointing(MARGIN),
    ),
    "skewness": Metric(
        "skewness",
        "Skewness of the scores. Above 0, most scores are low and a light tail of them is high.",
        "distribution",
        None,
        lambda context: skewness(context.scores),
    ),
    "right_skewed": Metric(
        "right-skewed",
        "Percentage of images whose scores are skewed to the right (Fu et al. 2022, Principle 1).",
        "distribution",
        None,
        _right_skewed,
    ),
    "mean_score": Metric(
        "mean score",
        "Mean score of a mask, in percent. Only for masks, whose scores lie in [0, 1].",
        "distribution",
        None,
        _of_mask(lambda context: float(np.mean(context.scores))),
        masks_only=True,
    ),
    "right_tail": Metric(
        "above 0.8",
        "Percentage of a mask's scores that are above 0.8. Only for masks, whose scores lie in [0, 1].",
        "distribution",
        None,
        _of_mask(lambda context: right_tail_share(context.scores, 0.8)),
        masks_only=True,
    ),
    "between": Metric(
        "0.2 to 0.8",
        "Percentage of a mask's scores between 0.2 and 0.8, which are neither near 0 nor near 1.",
        "distribution",
        None,
        _of_mask(lambda context: discriminative_share(context.scores)),
        masks_only=True,
    ),
    "discriminative": Metric(
        "0.2 to 0.8, supporting",
        "Percentage of scores between 0.2 and 0.8 among the supporting pixels: the highest-ranked pixels that "
        "together restore 90 % of the probability.",
        "distribution",
        True,
        _of_mask(_discriminative),
        cost=33,
        masks_only=True,
    ),
    **{
        f"box_{100 * share:.0f}": Metric(
            f"box, {100 * share:.0f} %",
            f"Area, in percent of the image, of the smallest box around the map whose blurring removes "
            f"{100 * share:.0f} % of the normalised probability (Fong and Vedaldi 2017, section 5.3). "
            "Lower is better.",
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
            f"Mean normalised probability, in percent, that is left while simplified masks delete more and more "
            f"pixels by {name} (Fong and Vedaldi 2017, section 5.2). Lower is better.",
            "deletion",
            False,
            _representativeness(name),
            cost=62,
        )
        for name in PERTURBATIONS
    },
    "interrogation": Metric(
        "removed by its box",
        "Percentage of the class's probability that is lost when the box around the largest region above half of the "
        "map's range is blurred (Fong and Vedaldi 2017, Fig. 6). A larger box removes more: compare it together with "
        "the areas of the smallest boxes.",
        "deletion",
        True,
        _interrogation,
        cost=4 * 13 + 2,
    ),
}
"""Every metric of a map, in the order of the tables."""
