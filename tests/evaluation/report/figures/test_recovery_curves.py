import numpy as np
import pytest

from helpers.finished_evaluation import context, summary
from whyframe_evaluation.report.figures.recovery_curves import mean_curves, plot_curves, section
from whyframe_evaluation.run.results import MapResult


def result(method: str, file: str, curve: list[float] | None) -> MapResult:
    return MapResult(method, file, 0, curves={"preserving": curve})


RESULTS = [
    result("a", "1", [0.2, 0.4, 0.6]),
    result("a", "2", [0.0, 1.0, 0.5]),
    result("a", "3", [0.5, 0.55, 0.55]),  # blurring hardly matters
    result("b", "1", [0.2, 0.6, 0.6]),
    result("b", "3", [0.5, 0.55, 0.55]),
    result("c", "1", None),
    MapResult("b", "2", 0, error="no"),
]


def test_curves_are_normalised_and_over_common_images() -> None:
    means = mean_curves(RESULTS, ["a", "b", "c"])
    assert set(means) == {"a", "b"}
    assert means["a"] == pytest.approx([0, 50, 100])
    assert means["b"] == pytest.approx([0, 100, 100])
    assert mean_curves(RESULTS, ["a"])["a"] == pytest.approx([0, 125, 100])


def test_without_common_images_there_are_none() -> None:
    apart = [result("a", "1", [0.0, 1.0]), result("b", "2", [0.0, 1.0])]
    assert mean_curves(apart, ["a", "b"]) == {}
    assert mean_curves([], ["a"]) == {}


def test_the_best_six_are_named() -> None:
    means = {name: np.linspace(0, 100, 33) for name in "abcdefgh"}
    figure = plot_curves(means, {name: name.upper() for name in means})
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == list("ABCDEF")
    assert len(figure.axes[0].get_lines()) == 8


def test_the_highest_curve_comes_first() -> None:
    found = section(context([summary("a"), summary("b")], map_results=RESULTS))
    assert found.body.index(">b<") < found.body.index(">a<")
    assert section(context([summary("a")], map_results=RESULTS)) is None
