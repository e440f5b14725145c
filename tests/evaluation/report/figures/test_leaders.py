import pytest

from helpers.finished_evaluation import line
from whyframe_evaluation.report.figures.leaders import is_tied, leader, leaders, listed
from whyframe_evaluation.report.method_summary import Estimate


def test_the_leader_is_the_highest_or_the_lowest() -> None:
    lines = [line("a", faithfulness=3, deletion=3), line("b", faithfulness=9, deletion=9), line("c")]
    assert leader(lines, "faithfulness").method == "b"
    assert leader(lines, "deletion").method == "a"
    assert leader(lines, "skewness") is None  # neither more nor less is better
    assert leader(lines, "pointing") is None  # nobody has it


def test_ties_are_overlapping_intervals_nearest_first() -> None:
    lines = [
        line("far", pr_auc=1),
        line("near", pr_auc=8.5),
        line("best", pr_auc=9),
        line("tied", pr_auc=7.5),
    ]
    first, tied = leaders(lines, "pr_auc")
    assert first.method == "best"
    assert [one.method for one in tied] == ["near", "tied"]


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
    assert listed(words) == expected
