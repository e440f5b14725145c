import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from whyframe_evaluation.metrics.localisation import GRIDS
from whyframe_evaluation.report.aggregates import held_out_half, localisation, min_max, pointing
from whyframe_evaluation.report.estimates import estimate
from whyframe_evaluation.report.markdown import document, markdown
from whyframe_evaluation.report.method_summary import COLUMNS, summarise
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample

IMAGE = torch.zeros(3, 2, 2)


def subject(file: str, category: str = "", difficult: bool = False) -> Sample:
    boxes = ((0, 0, 1, 1),) if category else ()
    return Sample(file, IMAGE, 0, boxes, category, difficult)


def method(name: str, mask: bool = False) -> SimpleNamespace:
    return SimpleNamespace(name=name, mask=mask)


def test_means_intervals_and_counts() -> None:
    rows = [MapResult("m", str(i), 0, {"deletion": v}, 1, 0, 0.5) for i, v in enumerate((10.0, 20.0, None))]
    (line,) = summarise(
        [*rows, MapResult("m", "3", 0, error="no")], [method("m")], [subject(str(i)) for i in range(4)]
    )
    cell = line.cells["deletion"]
    assert (cell.mean, cell.count, line.failures) == (15.0, 2, 1)
    assert 10 <= cell.low <= 15 <= cell.high <= 20
    assert (line.forward, line.backward, line.seconds) == (1, 0, 0.5)
    text = markdown([line])
    assert "15.00 (10.00 to 20.00, n = 2)" in text
    assert "## Boxes" not in text
    assert "| m | 1 | 0 | 0.50 | 1 |" in text


def test_what_only_a_mask_has_is_not_told_of_others() -> None:
    values = {"mean_score": 20.0, "skewness": 1.0}
    rows = [MapResult(name, "0", 0, values) for name in ("mask", "gradient")]
    mask, gradient = summarise(rows, [method("mask", mask=True), method("gradient")], [subject("0")])
    assert set(mask.cells) - set(gradient.cells) == {"mean_score"}
    assert "skewness" in gradient.cells


def test_a_document_is_json_whatever_is_missing() -> None:
    rows = [MapResult("m", "0", 0, {"deletion": None}), MapResult("n", "0", 0, error="no")]
    lines = summarise(rows, [method("m"), method("n")], [subject("0")])
    whole = json.loads(document({"classifier": "c"}, [subject("0")], rows, lines, {}))
    assert [line["cells"] for line in whole["summary"]] == [{}, {}]
    assert list(whole["columns"]) == list(COLUMNS)


def test_the_interval_of_a_mean_is_the_normal_one_for_many_pictures() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    cell = estimate(values.tolist())
    half = 1.96 * values.std() / 20
    assert cell.mean == pytest.approx(values.mean())
    assert cell.low == pytest.approx(values.mean() - half, abs=0.03)
    assert cell.high == pytest.approx(values.mean() + half, abs=0.03)
    assert estimate([]) is None


def test_categories_count_alike_whatever_their_pictures() -> None:
    assert estimate([1, 1, 1, 0, 0], ["dog", "dog", "dog", "dog", "cat"]).mean == pytest.approx(0.375)
    cell = estimate([100, 100, 100, 0], ["cat", "cat", "cat", "dog"])
    assert (cell.mean, cell.count) == (50, 4)
    assert (cell.low, cell.high) == (0 if cell.low == 0 else 50, 100)  # a draw without dogs has 100


def test_pointing_is_by_category_and_difficult_pictures_are_apart() -> None:
    subjects = [subject("0", "cat"), subject("1", "cat", True), subject("2", "dog"), subject("3")]
    hits = (100.0, 0.0, 100.0, None)
    rows = [MapResult("m", str(i), 0, {"pointing": hit}) for i, hit in enumerate(hits)]
    assert pointing(rows, subjects, "pointing").mean == 75
    hard = pointing(rows, subjects, "pointing", difficult=True)
    assert (hard.mean, hard.count) == (0, 1)
    assert pointing(rows[3:], subjects, "pointing") is None
    (line,) = summarise(rows, [method("m")], subjects)
    assert line.cells["pointing"].mean == 75
    assert line.cells["pointing_difficult"].mean == 0


def test_min_max_is_over_methods_on_their_common_pictures() -> None:
    rows = [
        *(MapResult("a", str(i), 0, {"faithfulness": v}) for i, v in enumerate((10.0, 40.0, 7.0))),
        *(MapResult("b", str(i), 0, {"faithfulness": v}) for i, v in enumerate((20.0, 20.0))),
        *(MapResult("c", str(i), 0, {"faithfulness": v}) for i, v in enumerate((15.0, 30.0, 9.0))),
        MapResult("d", "0", 0, error="it gave no map at all, so it takes no picture away"),
    ]
    cells = min_max(rows)
    assert {name: (cell.mean, cell.count) for name, cell in cells.items()} == {
        "a": (50, 2), "b": (50, 2), "c": (50, 2),
    }  # fmt: skip
    assert min_max(rows[:3]) == {}
    assert min_max([]) == {}


def test_a_value_that_one_method_lacks_leaves_the_picture_out() -> None:
    rows = [
        MapResult("a", "0", 0, {"faithfulness": 1.0}), MapResult("a", "1", 0, {"faithfulness": 1.0}),
        MapResult("b", "0", 0, {"faithfulness": None}), MapResult("b", "1", 0, {"faithfulness": 3.0}),
    ]  # fmt: skip
    assert {name: (cell.mean, cell.count) for name, cell in min_max(rows).items()} == {
        "a": (0, 1),
        "b": (100, 1),
    }


def test_half_of_each_folder_is_held_out() -> None:
    subjects = [subject(f"{folder}/{i}", "cat") for i in range(4) for folder in "ab"]
    half = held_out_half([subject("c/0"), *subjects])
    assert half == {"a/0", "a/2", "b/0", "b/2"}


@pytest.mark.parametrize("rule", GRIDS)
def test_alpha_comes_from_the_held_out_pictures_alone(rule: str) -> None:
    alphas = np.array(GRIDS[rule])
    small, large = (np.where(alphas < 0.5, *overlaps).tolist() for overlaps in ((0.5, 0.6), (0.9, 0.1)))
    overlaps = {"0": small, "1": small, "2": large, "3": small, "4": large, "5": None}
    rows = [MapResult("m", file, 0, curves={f"iou_{rule}": values}) for file, values in overlaps.items()]
    cell = localisation(rows, {"0", "1", "2", "5"}, rule)
    assert (cell.mean, cell.count, cell.note) == (50, 2, "alpha 0.5")
    assert localisation(rows, {"2"}, rule).note == "alpha 0"
    assert localisation(rows, set(), rule) is None
