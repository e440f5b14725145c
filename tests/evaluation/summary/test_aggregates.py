import numpy as np
import pytest
import torch

from whyframe_evaluation.metrics.localisation import GRIDS
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.aggregates import (
    calibration_files,
    localisation_error,
    min_max,
    pointing,
)


def sample(file: str, category: str = "", difficult: bool = False) -> Sample:
    boxes = ((0, 0, 1, 1),) if category else ()
    return Sample(file, torch.zeros(3, 2, 2), 0, boxes, category, difficult)


def faithfulness(method: str, file: str, value: float | None) -> MapResult:
    return MapResult(method, file, 0, {"faithfulness": value})


def test_pointing_is_averaged_over_categories_and_difficult_images_count_alone() -> None:
    samples = [sample("0", "cat"), sample("1", "cat", True), sample("2", "dog"), sample("3")]
    hits = (100.0, 0.0, 100.0, None)
    results = [MapResult("m", str(i), 0, {"pointing": hit}) for i, hit in enumerate(hits)]
    assert pointing(results, samples, "pointing").mean == 75
    difficult = pointing(results, samples, "pointing", difficult=True)
    assert (difficult.mean, difficult.count) == (0, 1)
    assert pointing(results[3:], samples, "pointing") is None


def test_min_max_is_over_methods_on_their_common_images() -> None:
    results = [
        *(faithfulness("a", str(i), value) for i, value in enumerate((10.0, 40.0, 7.0))),
        *(faithfulness("b", str(i), value) for i, value in enumerate((20.0, 20.0))),
        *(faithfulness("c", str(i), value) for i, value in enumerate((15.0, 30.0, 9.0))),
        MapResult("d", "0", 0, error="it gave no map at all, so that it removes no image"),
    ]
    found = min_max(results)
    assert {name: (value.mean, value.count) for name, value in found.items()} == {
        "a": (50, 2), "b": (50, 2), "c": (50, 2),
    }  # fmt: skip
    assert min_max(results[:3]) == {}
    assert min_max([]) == {}


def test_an_image_without_a_value_of_every_method_is_left_out() -> None:
    results = [
        faithfulness("a", "0", 1.0), faithfulness("a", "1", 1.0),
        faithfulness("b", "0", None), faithfulness("b", "1", 3.0),
    ]  # fmt: skip
    assert {name: (value.mean, value.count) for name, value in min_max(results).items()} == {
        "a": (0, 1),
        "b": (100, 1),
    }


def test_half_of_each_folder_is_for_calibration() -> None:
    samples = [sample(f"{folder}/{i}", "cat") for i in range(4) for folder in "ab"]
    assert calibration_files([sample("c/0"), *samples]) == {"a/0", "a/2", "b/0", "b/2"}


@pytest.mark.parametrize("rule", GRIDS)
def test_alpha_is_chosen_on_the_calibration_images_alone(rule: str) -> None:
    alphas = np.array(GRIDS[rule])
    small, large = (np.where(alphas < 0.5, *overlaps).tolist() for overlaps in ((0.5, 0.6), (0.9, 0.1)))
    overlaps = {"0": small, "1": small, "2": large, "3": small, "4": large, "5": None}
    results = [MapResult("m", file, 0, curves={f"iou_{rule}": values}) for file, values in overlaps.items()]
    error = localisation_error(results, {"0", "1", "2", "5"}, rule)
    assert (error.mean, error.count, error.note) == (50, 2, "alpha 0.5")
    assert localisation_error(results, {"2"}, rule).note == "alpha 0"
    assert localisation_error(results, set(), rule) is None
