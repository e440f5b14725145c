import dataclasses
from pathlib import Path

import numpy as np
import pytest

from helpers.toy import Toy
from whyframe.check.comparison import Comparison, Limits, differences

MANIFEST = dataclasses.replace(Toy().manifest(), labels=("a", "b", "c"))
PATHS = [Path(f"{index}.png") for index in range(3)]


def comparison(ours: list[list[float]], theirs: list[list[float]], **changes: object) -> Comparison:
    manifest = dataclasses.replace(MANIFEST, **changes)
    return Comparison(PATHS[: len(ours)], np.array(ours), np.array(theirs), manifest)


def test_the_figures_of_three_images() -> None:
    found = comparison(
        [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8]],
        [[0.6, 0.3, 0.1], [0.4, 0.5, 0.1], [0.1, 0.1, 0.8]],
    )
    np.testing.assert_allclose(found.per_image, [0.1, 0.1, 0.0], atol=1e-12)
    assert found.agrees.tolist() == [True, False, True]
    assert found.worst == 1
    assert found.worst_first().tolist() == [1, 0, 2]
    values = found.to_dict()
    assert values["top_agreement"] == pytest.approx(2 / 3)
    assert values["mean_difference"] == pytest.approx(0.2 / 3)
    assert values["largest_difference"] == pytest.approx(0.1)
    assert values["worst"]["file"] == "1.png"
    assert values["worst"]["whyframe"][0] == {"label": "a", "probability": 0.5}
    assert values["worst"]["pipeline"][0] == {"label": "b", "probability": 0.5}
    assert found.passes(Limits(0.66, 0.07))
    assert not found.passes(Limits(0.67, 0.07))
    assert not found.passes(Limits(0.66, 0.06))


def test_two_equally_probable_classes_agree_with_either() -> None:
    assert comparison([[0.5, 0.5 - 1e-9, 0.0]], [[0.5 - 1e-9, 0.5, 0.0]]).agrees.all()


def test_classes_that_the_pipeline_does_not_name_do_not_count() -> None:
    found = comparison([[0.7, 0.2, 0.1]], [[np.nan, 0.3, 0.1]])
    assert found.per_image.tolist() == pytest.approx([0.1])
    assert found.agrees.all()
    assert found.top(0)[1] == [("b", 0.3), ("c", 0.1)]


def test_independent_labels_agree_where_the_same_are_present() -> None:
    ours = [[0.9, 0.6, 0.1], [0.9, 0.4, 0.1]]
    found = comparison(ours, [[0.6, 0.9, 0.1], [0.9, 0.6, 0.1]], exclusive=False, thresholds=(0.5,))
    assert found.agrees.tolist() == [True, False]
    lower = comparison(ours, [[0.6, 0.9, 0.1], [0.9, 0.6, 0.1]], exclusive=False, thresholds=(0.5, 0.3, 0.5))
    assert lower.agrees.tolist() == [True, True]


def test_the_difference_is_that_of_the_class_that_differs_most() -> None:
    assert differences(np.array([[0.5, 0.2]]), np.array([[0.25, np.nan]])).tolist() == [0.25]
