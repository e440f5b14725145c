"""What is no measure of one map: adversarial pictures, rotations, annotated parts (second paper, 5.5, 3.1 and 5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from whyframe_evaluation.report.figures.report_context import ReportContext, Section

__all__ = ["section"]

_PERCENT = {
    "recovered": "label recovered, %",
    "recovered_top5": "in the first five, %",
    "discrimination": "clean told from adversarial, %",
}


def section(material: ReportContext) -> Section | None:
    """Left out where no experiment was made."""
    found = material.experiments
    if not found:
        return None
    parts = (_adversarial(found.get("methods", {}), material), _rotations(found), _parts(found, material))
    return Section(
        "Experiments",
        "Attacks, rotations, parts",
        "An attack changes a picture invisibly until another class is predicted. Blurred where the map of that class "
        "is high, is the label back? And does the map alone give the attack away, where 50 % is guessing? Rotations "
        "say what the classifier itself does not know: the same object, turned.",
        "".join(parts),
    )


def _adversarial(methods: Mapping[str, Mapping[str, Any]], material: ReportContext) -> str:
    rows = [
        [material.titles.get(name, name), *(_number(values.get(key)) for key in _PERCENT), values["count"]]
        for name, values in methods.items()
        if values.get("count")
    ]
    if not rows:
        return ""
    return f"<h3>Adversarial pictures</h3>{_table(['method', *_PERCENT.values(), 'pictures'], rows)}"


def _rotations(found: Mapping[str, Any]) -> str:
    errors = found.get("rotation", {})
    if not errors:
        return ""
    heads = ["turned by at most", *(f"{angle}°" for angle in errors)]
    row = ["class changes, %", *(_number(error) for error in errors.values())]
    return f"<h3>Rotations</h3>{_table(heads, [row])}"


def _parts(found: Mapping[str, Any], material: ReportContext) -> str:
    rows = [
        [
            material.titles.get(one["method"], one["method"]),
            one["category"],
            *(_number(one[key], 3) for key in ("eyes", "feet")),
            _number(one["ratio"], 2),
            one["images"],
        ]
        for one in found.get("parts", [])
    ]
    if not rows:
        return ""
    heads = ["method", "category", "at eyes", "at feet", "eyes / feet", "pictures"]
    return f"<h3>Intensity at parts</h3>{_table(heads, rows)}"


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(one))}</td>' for one in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table class="plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
