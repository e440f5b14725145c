import re
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.finished_evaluation import classifier, line, material, pictures
from whyframe_evaluation.report.page import report_page
from whyframe_evaluation.run.results import MapResult

FACTS = {"classifier": "tiny", "data": "<photos>"}
LINES = [line("cam", 0.01, faithfulness=60, pr_auc=50), line("ct", 0.02, faithfulness=70), line("bt", 0.02)]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[str, Path]:
    """A page, and its folder."""
    folder = tmp_path_factory.mktemp("report")
    rows = [MapResult(one.method, subject.file, 0) for one in LINES for subject in pictures()]
    rows += [MapResult("cam", f"<b>{index}.png", 0, error="<script>alert(1)</script>") for index in range(2)]
    return report_page(FACTS, material(LINES, rows=rows, classifier=classifier(), folder=folder)), folder


def titles(html: str) -> list[str]:
    return re.findall(r"<h2>([^<]*)</h2>", html)


def test_the_page_needs_nothing_else(made) -> None:
    html, _ = made
    assert "http" not in html
    assert set(re.findall(r'src="([^"]{0,5})', html)) == {"data:"}
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    assert html.startswith("<!doctype html>")
    assert 'name="viewport"' in html


def test_it_has_what_the_study_has_and_says_how_to_get_the_rest(made) -> None:
    html, _ = made
    assert titles(html) == [
        "Who leads",
        "The maps side by side",
        "What faithfulness costs",
        "All numbers",
        "What the controller is set to, and what comes out",
        "Before and after post hoc tuning",
        "How CT shapes scores",
        "What failed",
    ]
    footer = html.partition("<footer>")[2]
    assert "--methods lambda-av" in footer
    assert "--methods meaningful-deletion" in footer
    assert "--methods controllers" not in footer


def test_every_section_has_a_sentence_and_a_link(made) -> None:
    html, _ = made
    sections = re.findall(r'<section id="(part-\d+)"><h2>[^<]+</h2><p class="reading">([^<]{20,})</p>', html)
    assert len(sections) == len(titles(html)) - 1  # failures have no link
    assert re.findall(r'href="#(part-\d+)"', html) == [anchor for anchor, _ in sections]


def test_plots_and_pictures_are_separate_files(made) -> None:
    names = {file.stem for file in (made[1] / "figures").glob("*.png")}
    assert {name for name in names if not name.endswith("-plot")} == {"masks", "controllers", "tuning"}
    assert {"ranking-plot", "cost-plot", "controllers-plot", "densities-plot", "shapes-plot"} <= names


def test_failures_are_counted_and_told_and_what_others_wrote_is_escaped(made) -> None:
    html, _ = made
    assert "cam on 2 pictures." in html
    assert "cam on &lt;b&gt;1.png: &lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html
    assert "<photos>" not in html


def test_a_study_of_nothing_is_still_a_page() -> None:
    html = report_page({}, material([line("cam")], {}, shown=0))
    assert "All numbers" in html
    assert "<img" not in html
    assert "What failed" not in html


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_is_well_formed(made, tmp_path) -> None:
    script = re.search(r"<script>(.*?)</script>", made[0], re.DOTALL).group(1)
    (tmp_path / "page.js").write_text(script)
    subprocess.run(["node", "--check", tmp_path / "page.js"], check=True)
