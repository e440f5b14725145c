import pytest

from helpers.finished_evaluation import summary
from whyframe_evaluation.report.figures.leaders import is_tied, join_words, leader, leader_and_ties
from whyframe_evaluation.summary.method_summary import Estimate


def test_the_leader_is_the_highest_or_the_lowest() -> None:
    summaries = [
        summary("a", faithfulness=3, deletion=3),
        summary("b", faithfulness=9, deletion=9),
        summary("c"),
    ]
    assert leader(summaries, "faithfulness").method == "b"
    assert leader(summaries, "deletion").method == "a"
    assert leader(summaries, "skewness") is None  # neither more nor less is better
    assert leader(summaries, "pointing") is None  # no method has it


def test_ties_are_overlapping_intervals_nearest_first() -> None:
    summaries = [
        summary("far", pr_auc=1),
        summary("near", pr_auc=8.5),
        summary("best", pr_auc=9),
        summary("tied", pr_auc=7.5),
    ]
    first, tied = leader_and_ties(summaries, "pr_auc")
    assert first.method == "best"
    assert [item.method for item in tied] == ["near", "tied"]


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 4.9, False), (0, 5, True), (6, 7, True), (9, 12, False)]
)
def test_an_overlap_includes_its_ends(low: float, high: float, expected: bool) -> None:
    cell = Estimate((low + high) / 2, low, high, 3)
    best = Estimate(6, 5, 8, 3)
    assert is_tied(cell, best) is expected
    assert is_tied(best, cell) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcde"), "a, b and 3 more"),
    ],
)
def test_lists_read_as_sentences(words: list[str], expected: str) -> None:
    assert join_words(words) == expected
