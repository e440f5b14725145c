import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from whyframe_evaluation.metrics.deletion import (
    SUPPRESSIONS,
    BoxCurve,
    box_curve,
    minimal_area,
    threshold_boxes,
)

SIDE = 32

WINDOW = (slice(8, 18), slice(4, 14))  # 10 x 10


def pyramid() -> np.ndarray:
    """Square steps around the window: its rows 8 to 17 and columns 4 to 13 alone score 1, one ring more each tenth."""
    y, x = np.mgrid[:SIDE, :SIDE]
    outside = np.maximum.reduce([8 - y, y - 17, 4 - x, x - 13, 0 * x])
    return np.clip(1 - outside / 10, 0, 1)


def test_boxes_fall_with_the_threshold() -> None:
    boxes = threshold_boxes(pyramid())
    assert len(boxes) == 11
    assert boxes[0] == (0, 0, SIDE, SIDE)
    assert boxes[-1] == (4, 8, 14, 18)
    assert boxes[-3] == (2, 6, 16, 20)
    assert threshold_boxes(np.ones((4, 6))) == ((0, 0, 6, 4),)


def test_the_window_itself_is_the_smallest_box_that_suppresses(
    checkered: np.ndarray, contrast_in: Callable[..., Any]
) -> None:
    curve = box_curve(contrast_in(WINDOW), checkered, pyramid(), 1)
    assert curve.scores == pytest.approx(np.zeros(11))
    assert [minimal_area(curve, s) for s in SUPPRESSIONS] == [100] * 4


def test_more_suppression_takes_a_larger_box(checkered: np.ndarray, contrast_in: Callable[..., Any]) -> None:
    wide = (slice(6, 20), slice(2, 16))  # 14 x 14, the box of 0.8
    curve = box_curve(contrast_in(wide), checkered, pyramid(), 1)
    assert curve.scores[-1] == pytest.approx(1 - 100 / 196)
    assert curve.scores[-2] == pytest.approx(1 - 144 / 196)
    assert minimal_area(curve, 0.7) == 144
    assert minimal_area(curve, 0.8) == 196


def test_the_border_of_a_suppression_counts() -> None:
    curve = BoxCurve(((0, 0, 1, 1), (0, 0, 2, 2)), np.array([0.1, 0.0]))
    assert minimal_area(curve, 0.9) == 1
    assert minimal_area(curve, 0.95) == 4


def test_unmeasurable_is_nan(contrast_in: Callable[..., Any]) -> None:
    curve = box_curve(contrast_in(WINDOW), np.full((SIDE, SIDE, 3), 128, np.uint8), pyramid(), 1)
    assert math.isnan(minimal_area(curve, 0.8))
