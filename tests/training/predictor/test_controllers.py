import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from whyframe_training.functional import instance_normalise
from whyframe_training.predictor.controllers import (
    BasicTransformer,
    CustomizedTransformer,
    Sigmoid,
    Square,
    build_controller,
    ct_density,
)

CONTROLLERS = [CustomizedTransformer(), CustomizedTransformer(0.5, 4.0), BasicTransformer()]


def logits(seed: int = 0, n: int = 3, side: int = 56) -> torch.Tensor:
    return torch.randn(n, side, side, generator=torch.Generator().manual_seed(seed))


def test_ct_is_eq_7_on_eq_5_in_float64() -> None:
    x = 30 + 7 * logits().double()
    mean, std = x.mean((1, 2), keepdim=True), x.var((1, 2), keepdim=True, correction=0).sqrt()
    expected = (1 / (1 + torch.exp(-1.5 * (x - mean) / std))) ** 2.5
    torch.testing.assert_close(CustomizedTransformer(1.5, 2.5)(x), expected, atol=1e-6, rtol=1e-6)


def test_bt_is_eq_6_scaled_to_reach_one() -> None:
    z = instance_normalise(logits().double())
    expected = z.clamp_min(0) / z.amax((1, 2), keepdim=True)
    torch.testing.assert_close(BasicTransformer()(logits().double()), expected)


@pytest.mark.parametrize("controller", CONTROLLERS)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 100), shift=st.floats(-1000, 1000))
def test_monotonic_in_range_and_blind_to_scale_and_shift(controller, seed, scale, shift) -> None:
    x = logits(seed, n=1, side=8).double()
    scores = controller(x)
    assert scores.min() >= 0
    assert scores.max() <= 1
    order = x.flatten().argsort()
    assert (scores.flatten()[order].diff() >= 0).all()
    torch.testing.assert_close(controller(scale * x + shift), scores, atol=2e-3, rtol=1e-3)


def test_ct_histogram_on_normal_input_follows_eq_13() -> None:
    scores = CustomizedTransformer()(logits(1, n=1, side=1000)).double().numpy().ravel()
    edges = [0.0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0]
    for low, high in pairwise(edges):
        expected, _ = integrate.quad(
            lambda m: float(ct_density(torch.tensor(m, dtype=torch.float64))), low, high
        )
        assert ((scores > low) & (scores <= high)).mean() == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(("eta", "h"), [(0.5, 2.5), (1.5, 2.5), (1.5, 0.5), (2.5, 2.5), (1.5, 1.5)])
def test_density_is_the_derivative_of_the_distribution(eta: float, h: float) -> None:
    def distribution(m: float) -> float:
        return float(stats.norm.cdf(-math.log(m ** (-1 / h) - 1) / eta))

    for m in (0.05, 0.3, 0.5, 0.9):
        slope = (distribution(m + 1e-6) - distribution(m - 1e-6)) / 2e-6
        assert float(ct_density(torch.tensor(m, dtype=torch.float64), eta, h)) == pytest.approx(
            slope, rel=1e-3, abs=1e-7
        )


@pytest.mark.parametrize(
    ("controller", "level"), [(CustomizedTransformer(), 2**-2.5), (BasicTransformer(), 0.0)]
)
def test_a_constant_map_has_a_value_and_a_gradient(controller, level: float) -> None:
    x = torch.full((2, 8, 8), 123.0, requires_grad=True)
    scores = controller(x)
    scores.sum().backward()
    torch.testing.assert_close(scores, torch.full_like(scores, level))
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_float32_statistics_whatever_comes_in(controller) -> None:
    x = 5000 + 100 * logits(2, n=1)
    exact = controller(x.bfloat16().double())
    assert controller(x.bfloat16()).dtype == torch.float32
    torch.testing.assert_close(controller(x.bfloat16()), exact.float(), atol=1e-3, rtol=0)


def test_gradients_match_finite_differences() -> None:
    x = logits(3, n=1, side=4).double().requires_grad_()
    assert torch.autograd.gradcheck(CustomizedTransformer(), x)


def test_extreme_logits_keep_finite_gradients() -> None:
    x = torch.zeros(1, 8, 8)
    x[0, 0, 0] = -1e6
    x.requires_grad_()
    CustomizedTransformer(5.0, 8.0)(x).sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("controller", [*CONTROLLERS, Sigmoid(), Square()])
def test_a_controller_is_rebuilt_from_its_description(controller) -> None:
    assert build_controller(controller.to_dict()).to_dict() == controller.to_dict()


@pytest.mark.parametrize("bad", [(0, 1), (-1, 1), (1, 0)])
def test_settings_that_would_not_be_monotonic_are_refused(bad) -> None:
    with pytest.raises(ValueError, match="monotonic"):
        CustomizedTransformer(*bad)


def test_a_score_of_sigmoid_does_not_depend_on_the_other_logits() -> None:
    x = logits(5)
    torch.testing.assert_close(Sigmoid()(x.double()), 1 / (1 + torch.exp(-x.double())))
    assert Sigmoid()(x.bfloat16()).dtype == torch.float32
    assert torch.equal(Sigmoid()(x)[:, :4], Sigmoid()(x[:, :4]))


def test_square_is_not_monotonic_and_scores_both_ends_high() -> None:
    x = torch.linspace(-1, 1, 64).view(1, 8, 8).double()
    scores = Square()(x).flatten()
    torch.testing.assert_close(scores, x.flatten().square(), atol=1e-9, rtol=1e-9)
    assert scores[0] == scores[-1] == 1
    assert torch.equal(Square()(torch.full((1, 8, 8), 7.0)), torch.zeros(1, 8, 8))
    for plain in (Sigmoid(), Square()):
        assert torch.equal(plain.jitter(x, 4.0, torch.Generator()), plain(x))


def test_an_unknown_controller_is_refused() -> None:
    with pytest.raises(ValueError, match="choose ct, bt, sigmoid, square"):
        build_controller({"name": "cube"})


def test_jitter_draws_other_distributions_and_keeps_every_order() -> None:
    x = logits(4, n=64, side=16)
    plain = CustomizedTransformer()
    jittered = plain.jitter(x, 4.0, torch.Generator().manual_seed(0))
    for logit_map, scores in zip(x, jittered, strict=True):
        assert (scores.flatten()[logit_map.flatten().argsort()].diff() >= 0).all()
    means = jittered.mean((1, 2))
    assert means.min() < 0.15
    assert means.max() > 0.5
    torch.testing.assert_close(plain.jitter(x, 1.0, torch.Generator()), plain(x))
    assert torch.equal(BasicTransformer().jitter(x, 4.0, torch.Generator()), BasicTransformer()(x))
