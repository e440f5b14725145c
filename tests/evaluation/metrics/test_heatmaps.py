import numpy as np

from whyframe_evaluation.metrics.heatmaps import largest_component, unit_range


def test_unit_range_spans_zero_to_one() -> None:
    assert unit_range(np.array([[-2.0, 0.0], [2.0, 6.0]])).tolist() == [[0, 0.25], [0.5, 1]]


def test_unit_range_of_equal_scores_is_zero() -> None:
    assert unit_range(np.full((2, 2), 7.0)).tolist() == [[0, 0], [0, 0]]


def test_components_touch_at_corners_and_the_first_of_equally_large_ones_is_taken() -> None:
    region = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], bool)
    assert np.argwhere(largest_component(region)).tolist() == [[0, 0], [1, 1]]


def test_the_largest_component_of_an_empty_region_is_empty() -> None:
    assert not largest_component(np.zeros((3, 3), bool)).any()
