import math

import numpy as np
import pytest
from numpy.typing import NDArray

from whyframe_training.statistics import Estimate, bootstrap_mean, paired_difference


def resampled_indices(count: int, resamples: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, count, (resamples, count))


def interval(means: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def test_the_interval_is_that_of_a_percentile_bootstrap_in_numpy() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=50)
    estimate = bootstrap_mean(values, resamples=2000, seed=3)
    expected = interval(values[resampled_indices(50, 2000, 3)].mean(axis=1))
    assert (estimate.low, estimate.high) == pytest.approx(expected)
    assert estimate.mean == pytest.approx(values.mean())
    assert estimate.count == 50


def test_with_categories_it_is_the_mean_of_the_means_of_the_categories_in_each_resample() -> None:
    values = np.array([1.0, 2.0, 3.0, 10.0, 20.0, 7.0])
    categories = ["cat", "cat", "cat", "dog", "dog", "owl"]
    estimate = bootstrap_mean(values, categories, resamples=500, seed=5)
    assert estimate.mean == pytest.approx((2.0 + 15.0 + 7.0) / 3)
    names = np.array(categories)
    means = []
    for picks in resampled_indices(6, 500, 5):
        drawn, labels = values[picks], names[picks]
        means.append(np.mean([drawn[labels == name].mean() for name in set(labels)]))
    assert (estimate.low, estimate.high) == pytest.approx(interval(np.array(means)))


def test_a_single_category_is_no_category() -> None:
    values = [1.0, 2.0, 4.0]
    assert bootstrap_mean(values, ["cat"] * 3, resamples=100) == bootstrap_mean(values, resamples=100)


def test_the_interval_of_a_single_value_is_that_value() -> None:
    assert bootstrap_mean([2.5], note="one image") == Estimate(2.5, 2.5, 2.5, 1, "one image")


def test_nan_values_and_their_categories_are_left_out() -> None:
    nan = float("nan")
    with_nan = bootstrap_mean([1.0, nan, 3.0, nan], ["a", "a", "b", "c"], resamples=100)
    assert with_nan == bootstrap_mean([1.0, 3.0], ["a", "b"], resamples=100)
    assert with_nan.count == 2


@pytest.mark.parametrize("values", [[], [float("nan")]])
def test_without_values_everything_is_nan(values: list[float]) -> None:
    estimate = bootstrap_mean(values)
    assert estimate.count == 0
    assert all(map(math.isnan, (estimate.mean, estimate.low, estimate.high)))


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=20)
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=1)
    assert bootstrap_mean(values, seed=1) != bootstrap_mean(values, seed=2)


def test_a_paired_difference_is_the_mean_of_the_differences() -> None:
    ours, theirs = [1.0, float("nan"), 3.0, 5.0], [0.0, 0.0, 4.0, float("nan")]
    estimate = paired_difference(ours, theirs, resamples=200, note="x")
    assert estimate == bootstrap_mean([1.0, -1.0], resamples=200, note="x")
    assert (estimate.mean, estimate.count) == (0.0, 2)


def test_more_images_give_a_narrower_interval_close_to_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(0).normal(3, 5, 400)
    few, many = bootstrap_mean(values[:40]), bootstrap_mean(values)
    assert few.low < few.mean < few.high
    assert many.high - many.low < few.high - few.low
    assert many.high - many.mean == pytest.approx(1.96 * values.std() / math.sqrt(400), rel=0.15)


def test_about_95_percent_of_the_intervals_on_normal_data_contain_the_true_mean() -> None:
    rng = np.random.default_rng(0)
    samples = (rng.normal(1.0, 2.0, 100) for _ in range(2000))
    estimates = [bootstrap_mean(sample, resamples=400, seed=seed) for seed, sample in enumerate(samples)]
    covered = np.mean([estimate.low <= 1.0 <= estimate.high for estimate in estimates])
    assert 0.925 < covered < 0.965
