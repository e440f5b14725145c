import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from whyframe_evaluation.metrics.interrogation import Answer, interrogate

WINDOW = (slice(8, 16), slice(8, 16))


@pytest.mark.parametrize("perturbation", ["blur", "constant"])
def test_each_box_answers_for_itself(
    perturbation: str, checkered: np.ndarray, contrast_in: Callable[..., Any]
) -> None:
    boxes = [(8.0, 8.0, 16.0, 16.0), (8.0, 8.0, 12.0, 16.0), (20.0, 20.0, 30.0, 30.0)]
    answers = interrogate(contrast_in(WINDOW), checkered, boxes, 1, perturbation)
    assert [answer.box for answer in answers] == boxes
    assert [answer.before for answer in answers] == [1, 1, 1]
    assert [answer.suppression for answer in answers] == pytest.approx([1, 0.5, 0])


def test_a_box_may_speak_against_the_class(checkered: np.ndarray, contrast_in: Callable[..., Any]) -> None:
    (answer,) = interrogate(contrast_in(WINDOW), checkered, [(0, 0, 32, 32)], 0)
    assert answer.after == 1
    assert math.isnan(answer.suppression)  # the class had no probability to lose
    assert Answer((0, 0, 1, 1), 0.717, 0.850).suppression == pytest.approx(-0.185, abs=1e-3)
