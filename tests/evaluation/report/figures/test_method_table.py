import re

from helpers.finished_evaluation import context, summary
from whyframe_evaluation.report.figures.method_table import section

SUMMARIES = [
    summary("cam", faithfulness=60, deletion=5, skewness=1),
    summary("grad-cam", faithfulness=61, deletion=9),
    summary("<mine>", faithfulness=20),
]


def cells(html: str) -> list[list[tuple[str, str]]]:
    """The classes and values of each row of the body."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    found = re.compile(r'<td(?: class="([^"]*)")?(?: data-value="([^"]*)")?')
    return [found.findall(row) for row in body.split("<tr>")[1:]]


def test_the_best_is_bold_and_ties_are_marked() -> None:
    cam, grad, mine = cells(section(context(SUMMARIES)).body)
    assert [row[0][0] for row in (cam, grad, mine)] == ["tied", "best", ""]
    assert [row[1][0] for row in (cam, grad, mine)] == ["best", "", "none"]  # less deletion is better
    assert cam[2] == ("", "1")  # neither more nor less skewness is better


def test_columns_that_no_method_has_are_left_out_and_groups_span_theirs() -> None:
    html = section(context(SUMMARIES)).body
    assert re.findall(r'colspan="(\d+)">([^<]*)<', html) == [
        ("2", "Faithfulness"),
        ("1", "Distribution of the scores"),
        ("3", "cost"),
    ]
    assert "PR-AUC" not in html
    assert "<dt>skewness</dt>" in html


def test_intervals_and_counts_are_in_the_tooltips() -> None:
    html = section(context(SUMMARIES)).body
    assert 'title="60.00 (59.00 to 61.00, n = 10)"' in html
    assert "59.0–61.0, n=10" in html


def test_a_whisker_lies_on_the_scale_of_its_column() -> None:
    html = section(context([summary("a", faithfulness=1), summary("b", faithfulness=9)])).body
    assert re.findall(r"left:([\d.]+)%;width:([\d.]+)%", html) == [("0.0", "20.0"), ("80.0", "20.0")]


def test_names_are_escaped() -> None:
    html = section(context(SUMMARIES)).body
    assert "<mine>" not in html
    assert "&lt;mine&gt;" in html
