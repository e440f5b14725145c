import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from whyframe_evaluation.metrics.score_distribution import (
    FIGURE_6,
    discriminative_share,
    expected_mean,
    expected_share,
    right_tail_share,
    skewness,
    supporting_pixels,
)
from whyframe_training.predictor.controllers import CustomizedTransformer, ct_density


@pytest.mark.parametrize(
    ("setting", "mean"),
    [((0.5, 2.5), 0.195), ((1.5, 2.5), 0.273), ((2.5, 2.5), 0.332), ((1.5, 1.5), 0.394), ((1.5, 0.5), 0.674)],
)
def test_the_expected_means_are_those_of_figure_6(setting: tuple[float, float], mean: float) -> None:
    assert setting in FIGURE_6
    assert expected_mean(*setting) == pytest.approx(mean, abs=5e-4)


@pytest.mark.parametrize("setting", FIGURE_6)
def test_the_expected_mean_is_the_integral_over_normal_logits(setting: tuple[float, float]) -> None:
    eta, h = setting

    def score(z: float) -> float:
        return (1 / (1 + math.exp(-eta * z))) ** h

    integral, _ = integrate.quad(lambda z: score(z) * stats.norm.pdf(z), -12, 12, epsabs=1e-12)
    assert expected_mean(eta, h) == pytest.approx(integral, abs=1e-9)


@pytest.mark.parametrize("setting", FIGURE_6)
def test_the_closed_form_share_is_the_integral_of_the_density(setting: tuple[float, float]) -> None:
    def density(m: float) -> float:
        return float(ct_density(torch.tensor(m, dtype=torch.float64), *setting))

    assert expected_share(*setting, 0.2, 0.8) == pytest.approx(integrate.quad(density, 0.2, 0.8)[0], abs=1e-6)
    assert expected_share(*setting, 0.0, 1.0) == 1
    below, above = expected_share(*setting, 0.0, 0.5), expected_share(*setting, 0.5, 1.0)
    assert below + above == pytest.approx(1)


def test_a_small_eta_leaves_the_right_half_of_the_range_empty() -> None:
    assert expected_share(0.5, 2.5, 0.5, 1.0) < 0.02 < 0.2 < expected_share(1.5, 2.5, 0.5, 1.0)


def test_a_mask_of_ct_has_the_expected_distribution() -> None:
    logits = torch.randn(1, 512, 512, generator=torch.Generator().manual_seed(0))
    mask = CustomizedTransformer(1.5, 2.5)(logits)[0].numpy()
    assert mask.mean() == pytest.approx(expected_mean(1.5, 2.5), abs=2e-3)
    assert skewness(mask) == pytest.approx(0.851, abs=2e-2)
    assert right_tail_share(mask, 0.5) == pytest.approx(expected_share(1.5, 2.5, 0.5, 1.0), abs=2e-3)
    assert discriminative_share(mask) == pytest.approx(expected_share(1.5, 2.5, 0.2, 0.8), abs=2e-3)


def test_skewness_is_the_third_standardised_moment() -> None:
    assert skewness(np.array([[0.0, 0.0], [0.0, 1.0]])) == pytest.approx(2 / math.sqrt(3))
    assert skewness(np.array([0.0, 1.0, 2.0])) == pytest.approx(0)
    scores = np.random.default_rng(0).random(100) ** 3
    assert skewness(scores) == pytest.approx(stats.skew(scores))


def test_skewness_of_equal_scores_is_nan() -> None:
    assert math.isnan(skewness(np.ones((3, 3))))


def test_the_right_tail_is_strictly_above_its_threshold() -> None:
    assert right_tail_share(np.array([0.4, 0.5, 0.6, 0.9]), 0.5) == 0.5
    assert right_tail_share(np.array([0.4, 0.5, 0.6, 0.9]), 0.8) == 0.25


def test_scores_near_0_or_1_are_not_discriminative() -> None:
    assert discriminative_share(np.array([[0.99, 0.0], [0.5, 1.0]])) == 0.25
    assert discriminative_share(np.array([0.2, 0.5, 0.8])) == 1
    assert math.isnan(discriminative_share(np.array([])))


def test_supporting_pixels_restore_nine_tenths_of_the_probability() -> None:
    order = np.arange(16)[::-1]
    curve = np.array([0.1, 0.5, 0.85, 0.95, 1.0])
    assert np.flatnonzero(supporting_pixels(curve, order, 4, 4)).tolist() == list(range(4, 16))


def test_supporting_pixels_are_counted_up_to_the_highest_probability() -> None:
    falls_again = np.array([0.1, 0.5, 1.0, 0.3, 0.5])
    assert supporting_pixels(falls_again, np.arange(16), 4, 4).sum() == 8


def test_a_curve_that_never_rises_has_no_supporting_pixels() -> None:
    assert not supporting_pixels(np.full(5, 0.3), np.arange(16), 4, 4).any()
