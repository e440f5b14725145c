import pytest
from jinja2 import UndefinedError

from whyframe_evaluation.report.rendering import read_asset, render


def test_values_are_escaped_and_html_is_not() -> None:
    html = render("plain_table.html.j2", heads=['a & b "c"'], rows=[["<script>"]])
    assert '<th scope="col">a &amp; b &#34;c&#34;</th>' in html
    assert "<td>&lt;script&gt;</td>" in html
    assert html in render("titled_parts.html.j2", parts=[("title", html)])


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="rows"):
        render("plain_table.html.j2", heads=[])


@pytest.mark.parametrize(("name", "content"), [("page.css", "--paper:"), ("page.js", "addEventListener")])
def test_assets_are_read_as_they_are(name: str, content: str) -> None:
    assert content in read_asset(name)
