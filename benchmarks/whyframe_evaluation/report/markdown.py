"""What a study found, for other programs: Markdown tables, and one JSON document with every raw value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from whyframe_evaluation.report.method_summary import COLUMNS, MethodSummary, text
from whyframe_evaluation.run.map_metrics import GROUPS
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample

__all__ = ["document", "markdown", "table"]

DIGITS = 4  # after the point, of values in percent


def markdown(lines: Sequence[MethodSummary]) -> str:
    """A table for each group of columns that has a value, and one of what the methods cost."""
    return "\n".join(part for group in GROUPS for part in _group(group, lines)) + "\n" + _cost(lines)


def _group(group: str, lines: Sequence[MethodSummary]) -> Iterator[str]:
    names = [name for name, one in COLUMNS.items() if one.group == group]
    shown = [name for name in names if any(name in line.cells for line in lines)]
    if shown:
        heads = [COLUMNS[name].title for name in shown]
        rows = [[line.method, *(text(line.cells.get(name)) for name in shown)] for line in lines]
        yield f"## {GROUPS[group]}\n\n{table(['method', *heads], rows)}"


def _cost(lines: Sequence[MethodSummary]) -> str:
    rows = [
        [line.method, f"{line.forward:g}", f"{line.backward:g}", f"{line.seconds:.2f}", str(line.failures)]
        for line in lines
    ]
    heads = ["method", "passes forward", "passes back", "seconds a picture", "failed"]
    return f"## Cost\n\n{table(heads, rows)}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def document(
    facts: Mapping[str, Any],
    subjects: Sequence[Sample],
    rows: Sequence[MapResult],
    lines: Sequence[MethodSummary],
    experiments: Mapping[str, Any],
) -> str:
    """What was done, the pictures, each raw value, what the columns mean, the summary: JSON, a row a line.

    The curves, which are longer than all the rest, stay in ``values.jsonl``.
    """
    whole = {
        "facts": dict(facts),
        "columns": {name: _column(name) for name in COLUMNS},
        "pictures": [_picture(one) for one in subjects],
        "summary": [asdict(line) for line in lines],
        "experiments": dict(experiments),
        "rows": [_row(row) for row in rows],
    }
    parts = [f"{json.dumps(name)}: {_lines(part)}" for name, part in whole.items()]
    return "{" + ",\n".join(parts) + "}\n"


def _lines(part: Any) -> str:
    """A list with an entry a line; anything else as it is."""
    if not isinstance(part, list):
        return json.dumps(part, allow_nan=False)
    return "[\n" + ",\n".join(json.dumps(one, allow_nan=False) for one in part) + "\n]"


def _row(row: MapResult) -> dict[str, Any]:
    values = {name: None if value is None else round(value, DIGITS) for name, value in row.values.items()}
    return {name: one for name, one in asdict(row).items() if name != "curves"} | {"values": values}


def _column(name: str) -> dict[str, Any]:
    one = COLUMNS[name]
    return {
        "title": one.title,
        "description": one.description,
        "group": one.group,
        "higher_is_better": one.higher_is_better,
    }


def _picture(one: Sample) -> dict[str, Any]:
    known = ("file", "target", "boxes", "category", "difficult", "digest")
    return {name: getattr(one, name) for name in known}
