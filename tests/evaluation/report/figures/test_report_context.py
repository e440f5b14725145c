import numpy as np
import pytest
from matplotlib.figure import Figure

from helpers.finished_evaluation import SLOPE, line, material, pictures
from whyframe_evaluation.report.figures.report_context import is_variant
from whyframe_evaluation.run.results import MapResult


@pytest.mark.parametrize("name", ["ct-0.5-2.5", "ct-all", "mgnet-ct", "mgnet-no-bg-av2", "square"])
def test_settings_of_predictors_are_variants(name: str) -> None:
    assert is_variant(name)


@pytest.mark.parametrize("name", ["ct", "bt", "mgnet", "cam", "predictor"])
def test_methods_are_not(name: str) -> None:
    assert not is_variant(name)


def test_variants_are_left_out_of_the_main_lines_unless_there_is_nothing_else() -> None:
    both = material([line("ct"), line("ct-all")])
    assert [one.method for one in both.main] == ["ct"]
    assert len(material([line("ct-all")]).main) == 1


def test_a_method_that_only_failed_is_not_present() -> None:
    rows = [MapResult("a", "photos/a.png", 0), MapResult("b", "photos/a.png", 0, error="no")]
    study = material([line("a"), line("b")], rows=rows)
    assert study.present(("c", "b", "a")) == ["a"]


def test_titles_are_those_of_methods_and_the_name_otherwise() -> None:
    assert material([line("grad-cam++"), line("my own")]).titles == {
        "grad-cam++": "Grad-CAM++",
        "my own": "my own",
    }


def test_masks_are_those_that_there_are() -> None:
    study = material([line("a")], {("a", pictures()[1].file): SLOPE})
    assert len(list(study.masks("a"))) == 1
    assert list(study.masks("b")) == []


def test_files_are_written_where_there_is_a_folder(tmp_path) -> None:
    material([line("a")], folder=tmp_path).plot("one", Figure(), "says")
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["one-plot.png"]
    assert "<svg" in material([line("a")]).plot("one", Figure(), "says")


def test_what_costs_passes_is_made_once(tmp_path) -> None:
    made = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"x": np.arange(3)}

    study = material([line("a")], folder=tmp_path)
    assert [study.kept("k", make)["x"].tolist() for _ in range(2)] == [[0, 1, 2]] * 2
    assert len(made) == 1
    bare = material([line("a")])
    assert bare.kept("k", make)["x"].tolist() == [0, 1, 2]
    assert len(made) == 2
