"""The tables of an evaluation in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whyframe_evaluation.metrics.part_intensity import MINIMUM_IMAGES
from whyframe_evaluation.run.map_metrics import COLUMN_GROUPS
from whyframe_evaluation.summary.evaluation_result import EvaluationResult
from whyframe_evaluation.summary.method_summary import COLUMNS, MethodSummary, format_estimate
from whyframe_evaluation.summary.part_summary import PartSummary

__all__ = ["experiment_tables", "markdown_report", "method_tables", "part_table"]

_PARTS_NOTE = (
    "Mean intensity of maps, scaled to [0, 1], in 5 x 5 pixels around each visible keypoint. A ratio above 1 means "
    "that the eyes are more salient than the feet. Every image of the evaluation counts, whatever its predicted class; "
    "with `--boxes`, only the images that have a box of the predicted class."
)
_NO_PARTS = f"No method has maps of {MINIMUM_IMAGES} images of one category that show both eyes and feet."


def markdown_report(result: EvaluationResult) -> str:
    """Return all tables of an evaluation."""
    text = method_tables(result.method_summaries) + experiment_tables(result.experiments)
    return text if result.part_summaries is None else text + part_table(result.part_summaries)


def method_tables(summaries: Sequence[MethodSummary]) -> str:
    """Return a table for each group of columns that has a value, and a table of the methods' costs."""
    groups = [table for group in COLUMN_GROUPS for table in _group_table(group, summaries)]
    return "\n".join(groups) + "\n" + _cost_table(summaries)


def _group_table(group: str, summaries: Sequence[MethodSummary]) -> Iterator[str]:
    names = [name for name, column in COLUMNS.items() if column.group == group]
    shown = [name for name in names if any(name in summary.estimates for summary in summaries)]
    if shown:
        heads = [COLUMNS[name].title for name in shown]
        rows = [
            [summary.method, *(format_estimate(summary.estimates.get(name)) for name in shown)]
            for summary in summaries
        ]
        yield f"## {COLUMN_GROUPS[group]}\n\n{_table(['method', *heads], rows)}"


def _cost_table(summaries: Sequence[MethodSummary]) -> str:
    rows = [
        [
            summary.method,
            f"{summary.forward:g}",
            f"{summary.backward:g}",
            f"{summary.seconds:.2f}",
            str(summary.failures),
        ]
        for summary in summaries
    ]
    heads = ["method", "forward passes", "backward passes", "seconds per image", "failed images"]
    return f"## Cost\n\n{_table(heads, rows)}"


def experiment_tables(experiments: Mapping[str, Any]) -> str:
    """Return the tables of adversarial images and of rotations.

    Args:
        experiments: Results of `run_experiments`.
    """
    heads = ["method", "label recovered", "in the first five", "clean vs. adversarial, accuracy", "images"]
    rows = [_adversarial_row(name, values) for name, values in experiments["methods"].items()]
    angles = [[angle, f"{error:.1f}"] for angle, error in experiments["rotation"].items()]
    return (
        f"\n## Adversarial images (percent)\n\n{_table(heads, rows)}"
        f"\n## Rotations that change the class\n\n{_table(['at most, degrees', 'images, percent'], angles)}"
    )


def _adversarial_row(name: str, values: Mapping[str, Any]) -> list[str]:
    if "error" in values:
        return [name, f"failed: {values['error']}", "", "", ""]
    percentages = [values.get(key) for key in ("recovered", "recovered_top5", "discrimination")]
    return [name, *("-" if value is None else f"{value:.1f}" for value in percentages), str(values["count"])]


def part_table(summaries: Sequence[PartSummary]) -> str:
    """Return the table of intensities at eyes and feet, or a sentence where there are none."""
    heads = ["method", "category", "at eyes", "at feet", "eyes / feet", "images"]
    body = (
        f"{_table(heads, [_part_row(item) for item in summaries])}\n{_PARTS_NOTE}" if summaries else _NO_PARTS
    )
    return f"\n## Intensity at parts\n\n{body}\n"


def _part_row(item: PartSummary) -> list[str]:
    ratio = "-" if item.ratio is None else f"{item.ratio:.2f}"
    return [item.method, item.category, f"{item.eyes:.3f}", f"{item.feet:.3f}", ratio, str(item.images)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
