import torch
from torch import nn

from helpers.bare_classifier import BareClassifier
from whyframe_evaluation.methods.class_scores import batches
from whyframe_evaluation.methods.gradients import (
    GradientTimesInput,
    IntegratedGradients,
    SmoothGrad,
    VanillaGradient,
)

SHAPE = (3, 4, 4)
TARGETS = torch.tensor([1, 0])


class Power(nn.Module):
    """Network whose logit of class c is the sum of w_c x^p."""

    def __init__(self, power: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.weight, self.power = nn.Parameter(torch.randn(2, *SHAPE, generator=generator)), power

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nchw,kchw->nk", x**self.power, self.weight)


def images() -> torch.Tensor:
    return torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(2))


def explain(method, power: int, mean: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the maps and the weights of the target classes."""
    classifier = BareClassifier(Power(power), mean=mean)
    return method.explain(classifier, images(), TARGETS), classifier.module.weight[TARGETS]


def test_the_gradient_of_a_linear_score_is_its_largest_weight() -> None:
    maps, weight = explain(VanillaGradient(), 1)
    torch.testing.assert_close(maps, weight.abs().amax(1))


def test_gradient_times_input_takes_the_normalised_input() -> None:
    maps, weight = explain(GradientTimesInput(), 1, mean=0.5)
    torch.testing.assert_close(maps, (weight * (images() - 0.5)).sum(1))


def test_smooth_grad_of_a_linear_score_is_the_gradient() -> None:
    maps, weight = explain(SmoothGrad(samples=7), 1)
    torch.testing.assert_close(maps, weight.abs().amax(1))


def test_smooth_grad_of_a_cube_adds_the_variance_of_the_noise() -> None:
    # E[3 w (x + e)^2] = 3 w (x^2 + sigma^2), sigma a share of each image's range.
    maps, weight = explain(SmoothGrad(noise=0.5, samples=20_000), 3)
    x = images()
    sigma = 0.5 * (x.amax((1, 2, 3)) - x.amin((1, 2, 3))).view(2, 1, 1, 1)
    torch.testing.assert_close(maps, (3 * weight * (x**2 + sigma**2)).abs().amax(1), rtol=0.05, atol=0.05)


def test_the_defaults_are_those_of_the_papers() -> None:
    assert (SmoothGrad().noise, SmoothGrad().samples, IntegratedGradients().steps) == (0.2, 50, 200)


def test_integrated_gradients_sum_to_the_rise_from_black() -> None:
    maps, weight = explain(IntegratedGradients(steps=200), 3)
    torch.testing.assert_close(maps, (weight * images() ** 3).sum(1), rtol=1e-4, atol=1e-4)


def test_integrated_gradients_start_at_black_and_not_at_the_mean_colour() -> None:
    maps, weight = explain(IntegratedGradients(steps=4), 2, mean=0.5)
    rise = (images() - 0.5) ** 2 - 0.25
    torch.testing.assert_close(maps, (weight * rise).sum(1))


def test_batches_hold_each_version_once() -> None:
    assert [list(s) for s in batches(5, images=2, size=4)] == [[0, 1], [2, 3], [4]]
    assert [len(s) for s in batches(3, images=9, size=4)] == [1, 1, 1]
