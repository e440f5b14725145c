"""LRP against the sums of its paper, in float64."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.residual_network import TARGETS, Residual, classifier, images
from whyframe_evaluation.methods.gradients import GradientTimesInput
from whyframe_evaluation.methods.lrp import LrpAlphaBeta, LrpEpsilon


@pytest.mark.parametrize("bias", [False, True])
def test_lrp_with_a_vanishing_epsilon_is_gradient_times_input(bias) -> None:
    network = classifier(Residual(bias))
    maps = LrpEpsilon(epsilon=1e-12).explain(network, images(-1), TARGETS)
    torch.testing.assert_close(maps, GradientTimesInput().explain(network, images(-1), TARGETS))


def test_lrp_without_biases_sums_to_the_logit() -> None:
    network = classifier(Residual(bias=False))
    logits = network.logits(images(-1)).gather(1, TARGETS[:, None])[:, 0].float()
    for method in (LrpEpsilon(epsilon=1e-12), LrpAlphaBeta(), LrpAlphaBeta(alpha=1)):
        maps = method.explain(network, images(-1), TARGETS)
        torch.testing.assert_close(maps.sum((1, 2)), logits, rtol=1e-3, atol=1e-3)


def test_epsilon_lowers_the_relevance_of_small_sums() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(48, 3)).double()
    network, x = classifier(module), images(-1)
    maps = LrpEpsilon(epsilon=0.5).explain(network, x, TARGETS)
    logit = module(x).gather(1, TARGETS[:, None])[:, 0]
    share = (logit / (logit + 0.5 * logit.sign())).view(2, 1, 1, 1)
    expected = x * module[1].weight[TARGETS].view_as(x) * share
    torch.testing.assert_close(maps, expected.sum(1).detach().float())


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_alpha_beta_is_equation_60_unit_by_unit(alpha) -> None:
    torch.manual_seed(2)
    module = nn.Sequential(nn.Flatten(), nn.Linear(48, 7), nn.ReLU(), nn.Linear(7, 3)).double()
    maps = LrpAlphaBeta(alpha).explain(classifier(module), images(-1), TARGETS)
    for x, target, ours in zip(images(-1), TARGETS.tolist(), maps, strict=True):
        hidden = module[:3](x[None])[0]
        above = F.one_hot(torch.tensor(target), 3) * module(x[None])[0]
        above = shared(above, module[3], hidden, alpha)
        below = shared(above, module[1], x.flatten(), alpha)
        torch.testing.assert_close(ours, below.view_as(x).sum(0).detach().float())


def shared(above: torch.Tensor, layer: nn.Linear, x: torch.Tensor, alpha: float) -> torch.Tensor:
    result = torch.zeros_like(x)
    for r, w, b in zip(above, layer.weight, layer.bias, strict=True):
        z = x * w
        plus, minus = z.clamp_min(0), z.clamp_max(0)
        result = result + r * alpha * plus / (plus.sum() + b.clamp_min(0)).clamp_min(1e-300)
        result = result - r * (alpha - 1) * minus / (minus.sum() + b.clamp_max(0)).clamp_max(-1e-300)
    return result
