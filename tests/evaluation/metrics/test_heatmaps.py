import numpy as np
import pytest

from whyframe_evaluation.metrics.heatmaps import area, iou, largest_component, tight_box, unit_range


def test_unit_range_spans_zero_to_one() -> None:
    assert unit_range(np.array([[-2.0, 0.0], [2.0, 6.0]])).tolist() == [[0, 0.25], [0.5, 1]]
    assert unit_range(np.full((2, 2), 7.0)).tolist() == [[0, 0], [0, 0]]


def test_components_touch_at_corners_and_the_first_of_equal_ones_wins() -> None:
    region = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], bool)
    assert np.argwhere(largest_component(region)).tolist() == [[0, 0], [1, 1]]
    assert not largest_component(np.zeros((3, 3), bool)).any()


def test_tight_box_is_in_pixel_edges() -> None:
    region = np.zeros((5, 6), bool)
    region[1, 2] = region[3, 4] = True
    assert tight_box(region) == (2, 1, 5, 4)
    assert tight_box(np.zeros((2, 2), bool)) is None


def test_iou_by_hand() -> None:
    assert iou((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert iou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0
    assert area((3, 0, 1, 5)) == 0
