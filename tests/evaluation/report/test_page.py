import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from helpers.finished_evaluation import FACTS, LABELS, SLOPE, context, samples, summary
from helpers.tiny_network import SIDE, build
from whyframe.input_spec import InputSpec
from whyframe_evaluation.report.page import render_page
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.summary.part_summary import PartSummary
from whyframe_training.classifiers.classifier import Classifier

SUMMARIES = [
    summary("cam", 0.01, faithfulness=60, pr_auc=50),
    summary("ct", 0.02, faithfulness=70),
    summary("bt", 0.02),
]
HOSTILE = '<script>alert("a & b")'


class Tags(HTMLParser):
    """Tags, attributes and texts of a page, as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.names, self.attributes, self.texts = [], set(), []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.texts += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[str, Path]:
    """A page, and its folder."""
    folder = tmp_path_factory.mktemp("report")
    results = [MapResult(item.method, sample.file, 0) for item in SUMMARIES for sample in samples()]
    results += [MapResult("cam", f"{index}.png", 0, error="it broke") for index in range(2)]
    return render_page(context(SUMMARIES, None, folder, map_results=results)), folder


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


def test_sections_follow_the_methods_and_the_footer_says_how_to_get_the_others(made) -> None:
    html, _ = made
    assert titles(html) == [
        "Who leads",
        "The maps side by side",
        "What faithfulness costs",
        "All values",
        "What the controllers are set to, and the scores that result",
        "Before and after post-hoc refinement",
        "How CT shapes scores",
        "What failed",
    ]
    footer = html.partition("<footer>")[2]
    assert "--methods lambda-av" in footer
    assert "--methods meaningful-deletion" in footer
    assert "--methods controllers" not in footer


def test_every_section_has_an_introduction_and_a_link(made) -> None:
    html, _ = made
    pattern = r'<section id="(part-\d+)"><h2>[^<]+</h2><p class="introduction">([^<]{20,})</p>'
    sections = re.findall(pattern, html)
    assert len(sections) == len(titles(html)) - 1  # failures have no link
    assert re.findall(r'href="#(part-\d+)"', html) == [anchor for anchor, _ in sections]


def test_sections_with_maps_have_a_colour_scale(made) -> None:
    scaled = [part.partition("</h2>")[0] for part in made[0].split("<h2>") if 'class="scale"' in part]
    assert scaled == [
        "The maps side by side",
        "What the controllers are set to, and the scores that result",
        "Before and after post-hoc refinement",
    ]


def test_plots_and_images_are_separate_files(made) -> None:
    names = {file.stem for file in (made[1] / "figures").glob("*.png")}
    assert {name for name in names if not name.endswith("-plot")} == {"masks", "controllers", "refinement"}
    assert {"ranking-plot", "cost-plot", "controllers-plot", "densities-plot", "shapes-plot"} <= names


def test_failures_are_counted_and_listed(made) -> None:
    html, _ = made
    assert "cam on 2 images. The means" in html
    assert "<li>cam on 1.png: it broke</li>" in html


def test_an_evaluation_without_maps_is_still_a_page() -> None:
    html = render_page(context([summary("cam")], {}, shown=0))
    assert "One method explains the predictions of tiny on 2 images." in " ".join(html.split())
    assert "All values" in html
    assert "<img" not in html
    assert "What failed" not in html


def test_every_text_from_outside_the_package_is_escaped() -> None:
    """Names of methods, classes, categories, files, folders and classifiers, and the errors of methods."""
    hostile = [
        summary(HOSTILE, 1, faithfulness=60),
        summary("ct", 2, faithfulness=70),
        summary("bt", 2, faithfulness=70),
    ]
    sample = replace(samples()[0], file=f"photos/{HOSTILE}")
    network = Classifier(
        build(), name=HOSTILE, labels=[f"{HOSTILE}{name}" for name in LABELS], input=InputSpec.square(SIDE)
    )
    results = [MapResult(item.method, sample.file, 0) for item in hostile]
    html = render_page(
        context(
            hostile,
            {(item.method, sample.file): SLOPE for item in hostile},
            classifier=network,
            facts=replace(FACTS, classifier=HOSTILE, data=HOSTILE),
            samples=[sample],
            map_results=[*results, MapResult(HOSTILE, sample.file, 0, error=HOSTILE)],
            experiments={"methods": {HOSTILE: {"count": 1}}, "rotation": {HOSTILE: 1.0}},
            part_summaries=[PartSummary(HOSTILE, HOSTILE, 1.0, 1.0, 1.0, 10)],
        )
    )
    tags = Tags()
    tags.feed(html)
    assert tags.names.count("script") == 1  # the page's own
    assert all(re.fullmatch(r"[a-z][\w:-]*", name) for name in tags.attributes)
    assert sum(HOSTILE in text for text in tags.texts) > 20
    body = html.partition("</style>")[2].partition("<script>")[0]
    assert re.findall(r"&(?!amp;|lt;|gt;|quot;|#\d+;).{9}", body) == []


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_is_well_formed(made, tmp_path) -> None:
    script = re.search(r"<script>(.*?)</script>", made[0], re.DOTALL).group(1)
    (tmp_path / "page.js").write_text(script)
    subprocess.run(["node", "--check", tmp_path / "page.js"], check=True)
