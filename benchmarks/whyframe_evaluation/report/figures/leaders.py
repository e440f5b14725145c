"""The method that leads in a column, and the methods that cannot be distinguished from it."""

from __future__ import annotations

from collections.abc import Sequence

from whyframe_evaluation.summary.method_summary import COLUMNS, Estimate, MethodSummary

__all__ = ["is_tied", "join_words", "leader", "leader_and_ties"]


def leader(summaries: Sequence[MethodSummary], column: str) -> MethodSummary | None:
    """Return the summary with the best mean.

    Args:
        summaries: Summaries of the methods.
        column: Name of the column.

    Returns:
        The best summary; None where no method has a value, or where neither higher nor lower values are better.
    """
    measured = [summary for summary in summaries if column in summary.estimates]
    higher_is_better = COLUMNS[column].higher_is_better
    if higher_is_better is None or not measured:
        return None
    sign = 1 if higher_is_better else -1
    return max(measured, key=lambda summary: sign * summary.estimates[column].mean)


def is_tied(value: Estimate, best: Estimate) -> bool:
    """Return whether two 95 % intervals overlap, so that the two values are not distinguished."""
    return value.low <= best.high and best.low <= value.high


def leader_and_ties(
    summaries: Sequence[MethodSummary], column: str
) -> tuple[MethodSummary, list[MethodSummary]] | None:
    """Return the leader, and the methods that are tied with it, the nearest first; None where no method leads."""
    first = leader(summaries, column)
    if first is None:
        return None
    best = first.estimates[column]
    tied = [
        summary
        for summary in summaries
        if summary is not first and column in summary.estimates and is_tied(summary.estimates[column], best)
    ]
    return first, sorted(tied, key=lambda summary: abs(summary.estimates[column].mean - best.mean))


def join_words(words: Sequence[str], most: int = 3) -> str:
    """Return ``a, b and c``, or ``a, b and 4 more`` for more than `most` words."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
