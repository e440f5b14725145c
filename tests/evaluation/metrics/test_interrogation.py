import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from whyframe_evaluation.metrics.interrogation import box_suppression

WINDOW = (slice(8, 16), slice(8, 16))


@pytest.mark.parametrize(
    ("box", "suppression"),
    [((8, 8, 16, 16), 1), ((8, 8, 12, 16), 0.5), ((20, 20, 30, 30), 0)],
)
def test_suppression_is_the_share_of_the_evidence_in_the_box(
    box: tuple[float, float, float, float],
    suppression: float,
    checkered: np.ndarray,
    contrast_in: Callable[..., Any],
) -> None:
    assert box_suppression(contrast_in(WINDOW), checkered, box, 1) == pytest.approx(suppression)


def test_suppression_is_negative_for_evidence_against_the_class(checkered: np.ndarray) -> None:
    def classify(frames: np.ndarray) -> np.ndarray:
        return np.array([[0.717], [0.850]])

    assert box_suppression(classify, checkered, (0, 0, 8, 8), 0) == pytest.approx(-0.185, abs=1e-3)


def test_suppression_is_nan_where_the_class_has_no_probability(
    checkered: np.ndarray, contrast_in: Callable[..., Any]
) -> None:
    assert math.isnan(box_suppression(contrast_in(WINDOW), checkered, (0, 0, 32, 32), 0))
