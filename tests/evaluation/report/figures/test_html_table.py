import re

from helpers.finished_evaluation import line, material
from whyframe_evaluation.report.figures.html_table import legend, table

LINES = [
    line("cam", faithfulness=60, deletion=5, skewness=1),
    line("grad-cam", faithfulness=61, deletion=9),
    line("<mine>", faithfulness=20),
]


def cells(html: str) -> list[list[tuple[str, str]]]:
    """Of each row of the body, the classes and values."""
    body = html.partition("<tbody>")[2]
    found = re.compile(r'<td(?: class="([^"]*)")?(?: data-value="([^"]*)")?')
    return [found.findall(row) for row in body.split("<tr>")[1:]]


def test_the_best_is_bold_and_ties_are_marked() -> None:
    cam, grad, mine = cells(table(material(LINES)))
    assert [one[0][0] for one in (cam, grad, mine)] == ["tied", "best", ""]
    assert [one[1][0] for one in (cam, grad, mine)] == ["best", "", "none"]  # less deletion is better
    assert cam[2] == ("", "1")  # neither more nor less skewness is better


def test_columns_that_nobody_has_are_left_out_and_groups_span_theirs() -> None:
    html = table(material(LINES))
    assert re.findall(r'colspan="(\d+)">([^<]*)<', html) == [
        ("2", "Faithfulness"),
        ("1", "Distribution of the scores"),
        ("3", "cost"),
    ]
    assert "PR-AUC" not in html
    assert "PR-AUC" not in legend(material(LINES))
    assert "skewness" in legend(material(LINES))


def test_intervals_and_counts_are_there_to_hover() -> None:
    html = table(material(LINES))
    assert 'title="60.00 (59.00 to 61.00, n = 10)"' in html
    assert "59.0–61.0, n=10" in html


def test_a_whisker_lies_on_the_scale_of_its_column() -> None:
    html = table(material([line("a", faithfulness=1), line("b", faithfulness=9)]))
    assert re.findall(r"left:([\d.]+)%;width:([\d.]+)%", html) == [("0.0", "20.0"), ("80.0", "20.0")]


def test_names_are_escaped() -> None:
    html = table(material(LINES))
    assert "<mine>" not in html
    assert "&lt;mine&gt;" in html
