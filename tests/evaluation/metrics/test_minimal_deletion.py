import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from whyframe_evaluation.metrics.minimal_deletion import (
    SUPPRESSIONS,
    BoxCurve,
    box_curve,
    minimal_area,
    threshold_boxes,
)

SIDE = 32

WINDOW = (slice(8, 18), slice(4, 14))  # 10 x 10


def pyramid() -> np.ndarray:
    """Return scores of 1 in the window, which fall by a tenth with each ring around it."""
    y, x = np.mgrid[:SIDE, :SIDE]
    outside = np.maximum.reduce([8 - y, y - 17, 4 - x, x - 13, 0 * x])
    return np.clip(1 - outside / 10, 0, 1)


def test_boxes_shrink_as_the_threshold_rises() -> None:
    boxes = threshold_boxes(pyramid())
    assert len(boxes) == 11
    assert boxes[0] == (0, 0, SIDE, SIDE)
    assert boxes[-1] == (4, 8, 14, 18)
    assert boxes[-3] == (2, 6, 16, 20)


def test_equal_scores_have_the_frame_as_their_only_box() -> None:
    assert threshold_boxes(np.ones((4, 6))) == ((0, 0, 6, 4),)


def test_the_window_with_the_evidence_is_the_smallest_box_that_suppresses(
    checkered: np.ndarray, contrast_in: Callable[..., Any]
) -> None:
    curve = box_curve(contrast_in(WINDOW), checkered, pyramid(), 1)
    assert curve.scores == pytest.approx(np.zeros(11))
    assert [minimal_area(curve, share) for share in SUPPRESSIONS] == [100] * 4


def test_more_suppression_needs_a_larger_box(checkered: np.ndarray, contrast_in: Callable[..., Any]) -> None:
    wide = (slice(6, 20), slice(2, 16))  # 14 x 14, the box of 0.8
    curve = box_curve(contrast_in(wide), checkered, pyramid(), 1)
    assert curve.scores[-1] == pytest.approx(1 - 100 / 196)
    assert curve.scores[-2] == pytest.approx(1 - 144 / 196)
    assert minimal_area(curve, 0.7) == 144
    assert minimal_area(curve, 0.8) == 196


def test_a_score_at_the_limit_of_the_suppression_is_enough() -> None:
    curve = BoxCurve(((0, 0, 1, 1), (0, 0, 2, 2)), np.array([0.1, 0.0]))
    assert minimal_area(curve, 0.9) == 1
    assert minimal_area(curve, 0.95) == 4


def test_the_area_is_nan_where_blurring_changes_nothing(contrast_in: Callable[..., Any]) -> None:
    curve = box_curve(contrast_in(WINDOW), np.full((SIDE, SIDE, 3), 128, np.uint8), pyramid(), 1)
    assert math.isnan(minimal_area(curve, 0.8))
