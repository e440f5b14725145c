import numpy as np
import pytest

from whyframe_evaluation.summary.estimates import estimate


def test_the_interval_of_a_mean_is_the_normal_interval_for_many_images() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = estimate(values.tolist())
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_no_values_give_no_estimate() -> None:
    assert estimate([]) is None


def test_categories_have_the_same_weight_whatever_their_number_of_images() -> None:
    assert estimate([1, 1, 1, 0, 0], ["dog", "dog", "dog", "dog", "cat"]).mean == pytest.approx(0.375)
    found = estimate([100, 100, 100, 0], ["cat", "cat", "cat", "dog"])
    assert (found.mean, found.count) == (50, 4)
    assert (found.low, found.high) == (0 if found.low == 0 else 50, 100)  # a draw without dogs has 100
