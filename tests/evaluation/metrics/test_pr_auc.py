import math

import numpy as np
import pytest

from whyframe_evaluation.metrics.pr_auc import pr_auc


def test_equation_11_by_hand() -> None:
    heatmap = np.array([[0.9, 0.8, 0.7, 0.1]])
    # ranked: in a box (precision 1), outside, in a box (precision 2/3)
    assert pr_auc(heatmap, [(0, 0, 1, 1), (2, 0, 3, 1)]) == pytest.approx(100 * (1 + 2 / 3) / 2)


def test_the_order_within_the_boxes_does_not_matter() -> None:
    assert pr_auc(np.array([[0.9, 0.1], [0.8, 0.2]]), [(0, 0, 1, 2)]) == pytest.approx(100)
    assert pr_auc(np.array([[0.8, 0.1], [0.9, 0.2]]), [(0, 0, 1, 2)]) == pytest.approx(100)


def test_equal_scores_give_the_share_of_the_image_in_the_boxes() -> None:
    assert pr_auc(np.ones((4, 4)), [(0, 0, 2, 2)]) == pytest.approx(25)


def test_it_is_nan_where_no_pixel_is_in_a_box() -> None:
    assert math.isnan(pr_auc(np.ones((2, 2)), []))
