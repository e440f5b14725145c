"""From rows to a table: means with bootstrap intervals, counts, passes and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whyframe_training.study.measures import MEASURES
from whyframe_training.study.store import Row

__all__ = ["Cell", "Line", "markdown", "summarise"]

DRAWS, SEED = 2000, 0


@dataclass(frozen=True)
class Cell:
    """A mean over pictures, with its 95 % bootstrap interval and count."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Line:
    """One method's line of the table.

    Attributes:
        method: its name.
        cells: by measure; a measure that applied to no picture is missing.
        forward: median passes for a picture.
        backward: likewise.
        seconds: median time for a picture.
        failures: pictures on which it failed.
    """

    method: str
    cells: dict[str, Cell]
    forward: float
    backward: float
    seconds: float
    failures: int


def summarise(rows: Sequence[Row], methods: Sequence[str]) -> list[Line]:
    """One line a method, in the order given."""
    return [_line(name, [row for row in rows if row.method == name]) for name in methods]


def _line(method: str, rows: Sequence[Row]) -> Line:
    good = [row for row in rows if not row.error]
    cells = {
        name: _cell([value for row in good if (value := row.values.get(name)) is not None])
        for name in MEASURES
    }
    forward, backward, seconds = (
        float(np.median([getattr(row, name) for row in good])) if good else 0.0
        for name in ("forward", "backward", "seconds")
    )
    known = {name: cell for name, cell in cells.items() if cell.count}
    return Line(method, known, forward, backward, seconds, len(rows) - len(good))


def _cell(values: Sequence[float]) -> Cell:
    if not values:
        return Cell(float("nan"), float("nan"), float("nan"), 0)
    sample = np.asarray(values, float)
    picks = np.random.default_rng(SEED).integers(0, len(sample), (DRAWS, len(sample)))
    low, high = np.percentile(sample[picks].mean(axis=1), [2.5, 97.5])
    return Cell(float(sample.mean()), float(low), float(high), len(sample))


def markdown(lines: Sequence[Line]) -> str:
    """The table as Markdown."""
    heads = ["method", *(measure.title for measure in MEASURES.values()), "passes", "seconds", "failed"]
    table = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for line in lines:
        cells = [text(line.cells.get(name)) for name in MEASURES]
        passes = f"{line.forward:g} + {line.backward:g} back"
        table.append(
            f"| {line.method} | {' | '.join(cells)} | {passes} | {line.seconds:.2f} | {line.failures} |"
        )
    return "\n".join(table) + "\n"


def text(cell: Cell | None) -> str:
    """A cell as people read it: mean, interval, count."""
    if cell is None:
        return "-"
    return f"{cell.mean:.2f} ({cell.low:.2f} to {cell.high:.2f}, n = {cell.count})"
