"""Section on adversarial images, rotations and annotated parts (Fong and Vedaldi 2017, sections 5.5, 3.1 and 5.4)."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.rendering import render

__all__ = ["section"]

_PERCENTAGES = {
    "recovered": "label recovered, %",
    "recovered_top5": "in the first five, %",
    "discrimination": "clean vs. adversarial, accuracy in %",
}


def section(context: ReportContext) -> Section | None:
    """Return the section, or None without any experiment."""
    tables = {
        "Adversarial images": _adversarial(context),
        "Rotations": _rotations(context),
        "Intensity at parts": _parts(context),
    }
    parts = [(title, table) for title, table in tables.items() if table is not None]
    if not parts:
        return None
    return Section(
        "Experiments",
        "Attacks, rotations, parts",
        "An attack changes an image invisibly until another class is predicted. The first two columns show how often "
        "the label is recovered once the adversarial image is blurred where the map of the new class is high; the "
        "next column shows how well a small network recognises the attack by the map alone, where 50 % is chance. "
        "The table of rotations shows how often the classifier predicts another class for the rotated image.",
        render("titled_parts.html.j2", parts=parts),
    )


def _adversarial(context: ReportContext) -> Markup | None:
    rows = [
        [context.titles.get(name, name), *(_number(values.get(key)) for key in _PERCENTAGES), values["count"]]
        for name, values in context.result.experiments.get("methods", {}).items()
        if values.get("count")
    ]
    return _table(["method", *_PERCENTAGES.values(), "images"], rows)


def _rotations(context: ReportContext) -> Markup | None:
    errors = context.result.experiments.get("rotation", {})
    row = ["class changes, %", *(_number(error) for error in errors.values())]
    return _table(["turned by at most", *(f"{angle}°" for angle in errors)], [row] if errors else [])


def _parts(context: ReportContext) -> Markup | None:
    rows = [
        [
            context.titles.get(part.method, part.method),
            part.category,
            _number(part.eyes, 3),
            _number(part.feet, 3),
            _number(part.ratio, 2),
            part.images,
        ]
        for part in context.result.part_summaries or ()
    ]
    return _table(["method", "category", "at eyes", "at feet", "eyes / feet", "images"], rows)


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup | None:
    return render("plain_table.html.j2", heads=heads, rows=rows) if rows else None
