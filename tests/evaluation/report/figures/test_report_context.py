import numpy as np
import pytest
from matplotlib.figure import Figure

from helpers.finished_evaluation import SLOPE, context, samples, summary
from whyframe_evaluation.report.figures.report_context import is_variant
from whyframe_evaluation.run.results import MapResult


@pytest.mark.parametrize("name", ["ct-0.5-2.5", "ct-all", "mgnet-ct", "mgnet-no-bg-av2", "square"])
def test_settings_of_predictors_are_variants(name: str) -> None:
    assert is_variant(name)


@pytest.mark.parametrize("name", ["ct", "bt", "mgnet", "cam", "predictor"])
def test_methods_are_no_variants(name: str) -> None:
    assert not is_variant(name)


def test_variants_are_left_out_of_the_main_summaries_unless_there_is_nothing_else() -> None:
    both = context([summary("ct"), summary("ct-all")])
    assert [item.method for item in both.main_summaries] == ["ct"]
    assert len(context([summary("ct-all")]).main_summaries) == 1


def test_a_method_that_only_failed_has_no_maps() -> None:
    results = [MapResult("a", "photos/a.png", 0), MapResult("b", "photos/a.png", 0, error="no")]
    report = context([summary("a"), summary("b")], map_results=results)
    assert report.methods_with_maps(("c", "b", "a")) == ["a"]


def test_titles_are_those_of_the_methods() -> None:
    assert context([summary("grad-cam++"), summary("my own")]).titles == {
        "grad-cam++": "Grad-CAM++",
        "my own": "my own",
    }


def test_masks_are_given_for_samples_with_a_map() -> None:
    report = context([summary("a")], {("a", samples()[1].file): SLOPE})
    assert len(list(report.masks("a"))) == 1
    assert list(report.masks("b")) == []


def test_a_plot_is_an_element_and_a_file(tmp_path) -> None:
    element = context([summary("a")], {}, tmp_path).plot("one", Figure(), 'a <b> & "c"')
    assert "<svg" in element
    assert "a &lt;b&gt; &amp; &#34;c&#34;" in element
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["one-plot.png"]


def test_costly_arrays_are_computed_once(tmp_path) -> None:
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"x": np.arange(3)}

    report = context([summary("a")], {}, tmp_path)
    assert [report.cached_arrays("k", compute)["x"].tolist() for _ in range(2)] == [[0, 1, 2]] * 2
    assert len(calls) == 1
