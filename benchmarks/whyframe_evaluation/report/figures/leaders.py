"""Who leads by a measure, and who cannot be told apart from the leader."""

from __future__ import annotations

from collections.abc import Sequence

from whyframe_evaluation.report.method_summary import COLUMNS, Estimate, MethodSummary

__all__ = ["is_tied", "leader", "leaders", "listed"]


def leader(lines: Sequence[MethodSummary], measure: str) -> MethodSummary | None:
    """The line whose mean is best; None where no line has the measure, or neither more nor less of it is better."""
    known = [line for line in lines if measure in line.cells]
    higher_is_better = COLUMNS[measure].higher_is_better
    if higher_is_better is None or not known:
        return None
    sign = 1 if higher_is_better else -1
    return max(known, key=lambda line: sign * line.cells[measure].mean)


def is_tied(cell: Estimate, best: Estimate) -> bool:
    """Whether two 95 % intervals overlap, so that the table does not tell the two apart."""
    return cell.low <= best.high and best.low <= cell.high


def leaders(lines: Sequence[MethodSummary], measure: str) -> tuple[MethodSummary, list[MethodSummary]] | None:
    """The leader, and the others that are tied with it, the nearest first."""
    first = leader(lines, measure)
    if first is None:
        return None
    best = first.cells[measure]
    tied = [
        line
        for line in lines
        if line is not first and measure in line.cells and is_tied(line.cells[measure], best)
    ]
    return first, sorted(tied, key=lambda line: abs(line.cells[measure].mean - best.mean))


def listed(words: Sequence[str], most: int = 3) -> str:
    """``a, b and c``, or ``a, b and 4 more``."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
