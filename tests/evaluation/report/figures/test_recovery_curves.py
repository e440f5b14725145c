import numpy as np
import pytest

from helpers.finished_evaluation import line, material
from whyframe_evaluation.report.figures.recovery_curves import curves, mean_curves, section
from whyframe_evaluation.run.results import MapResult


def row(method: str, file: str, curve: list[float] | None) -> MapResult:
    return MapResult(method, file, 0, curves={"preserving": curve})


ROWS = [
    row("a", "1", [0.2, 0.4, 0.6]),
    row("a", "2", [0.0, 1.0, 0.5]),
    row("a", "3", [0.5, 0.55, 0.55]),  # blurring hardly matters
    row("b", "1", [0.2, 0.6, 0.6]),
    row("b", "3", [0.5, 0.55, 0.55]),
    row("c", "1", None),
    MapResult("b", "2", 0, error="no"),
]


def test_curves_are_normalised_and_over_common_pictures() -> None:
    means = mean_curves(ROWS, ["a", "b", "c"])
    assert set(means) == {"a", "b"}
    assert means["a"] == pytest.approx([0, 50, 100])
    assert means["b"] == pytest.approx([0, 100, 100])
    assert mean_curves(ROWS, ["a"])["a"] == pytest.approx([0, 125, 100])


def test_without_common_pictures_there_are_none() -> None:
    apart = [row("a", "1", [0.0, 1.0]), row("b", "2", [0.0, 1.0])]
    assert mean_curves(apart, ["a", "b"]) == {}
    assert mean_curves([], ["a"]) == {}


def test_the_best_six_are_named() -> None:
    means = {name: np.linspace(0, 100, 33) for name in "abcdefgh"}
    figure = curves(means, {name: name.upper() for name in means})
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == list("ABCDEF")
    assert len(figure.axes[0].get_lines()) == 8


def test_the_highest_curve_comes_first() -> None:
    found = section(material([line("a"), line("b")], rows=ROWS))
    assert found.body.index(">b<") < found.body.index(">a<")
    assert section(material([line("a")], rows=ROWS)) is None
