import math

import numpy as np
import pytest

from whyframe_evaluation.metrics.explainability import explainability, input_boxes


def test_boxes_follow_the_crop() -> None:
    # 100 x 200: the square starts at column 50, and halves
    assert input_boxes([(60, 10, 90, 100)], 100, 200, 50) == [(5, 5, 20, 50)]
    assert input_boxes([(0, 0, 60, 20)], 100, 200, 50) == [(0, 0, 5, 10)]
    assert input_boxes([(0, 0, 40, 40)], 100, 200, 50) == []
    assert input_boxes([], 100, 200, 50) == []


def test_boxes_follow_the_stretch() -> None:
    assert input_boxes([(60, 10, 90, 100)], 100, 200, 50, "stretch") == [(15, 5, 22.5, 50)]


def test_eq_11_by_hand() -> None:
    heatmap = np.array([[0.9, 0.8, 0.7, 0.1]])
    # ranked hit (P 1), miss, hit (P 2/3)
    assert explainability(heatmap, [(0, 0, 1, 1), (2, 0, 3, 1)]) == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert explainability(heatmap, [(0, 0, 2, 1)]) == pytest.approx(100)


def test_a_constant_heatmap_has_the_share_of_the_boxes() -> None:
    assert explainability(np.ones((4, 4)), [(0, 0, 2, 2)]) == pytest.approx(25)


def test_no_pixel_in_a_box_cannot_be_measured() -> None:
    assert math.isnan(explainability(np.ones((2, 2)), []))
