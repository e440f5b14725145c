"""Excitation backprop against the sums of its paper, written out over explicit matrices in float64."""

import torch
from torch import nn
from torch.nn import functional as F

from helpers.residual_network import TARGETS, Residual, classifier, images
from whyframe_evaluation.methods.excitation_backprop import ContrastiveExcitationBackprop, ExcitationBackprop


def matrix(linear, like: torch.Tensor) -> torch.Tensor:
    """Return the matrix of a linear function of a single sample, with a column for each input value."""
    basis = torch.eye(like[0].numel(), dtype=torch.float64).view(-1, *like.shape[1:])
    return linear(basis).flatten(1).T


def states(module: Residual, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return the outputs of the first ReLU, the second convolution, the ReLU after the sum, and the pooling."""
    a = module.first(x).relu()
    y = module.second(a)
    return a, y, (a + y).relu(), F.avg_pool2d((a + y).relu(), 2)


def layers(module: Residual, x: torch.Tensor) -> list[torch.Tensor]:
    """Return the matrices of the first convolution, the second convolution and the pooling."""
    a, _, b, _ = states(module, x)
    first = matrix(lambda v: F.conv2d(v, module.first.weight, padding=1), x)
    second = matrix(lambda v: F.conv2d(v, module.second.weight, padding=1), a)
    return [first, second, matrix(lambda v: F.avg_pool2d(v, 2), b)]


def winners(above: torch.Tensor, weight: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
    """Return the probabilities of the inputs of a layer, unit by unit.

    Args:
        above: Probabilities of the outputs.
        weight: Outputs x inputs matrix of the layer.
        below: Activations of the inputs.
    """
    result = torch.zeros_like(below)
    for i, p in enumerate(above):
        excites = below.clamp_min(0) * weight[i].clamp_min(0)
        if excites.sum() > 0:
            result += p * excites / excites.sum()
    return result


def excitation(module: Residual, x: torch.Tensor, target: int, sign: int = 1) -> torch.Tensor:
    """Return the C x h x w probabilities of the outputs of the first ReLU."""
    a, y, b, pooled = (s.flatten() for s in states(module, x[None]))
    _, second, pool = layers(module, x[None])
    p = winners(torch.ones(1), sign * module.fc.weight[target : target + 1], pooled)
    p = winners(p, pool, b)
    shares = a + y.clamp_min(0)
    ratio = torch.where(shares > 0, p / shares, 0)
    return (a * ratio + winners(y.clamp_min(0) * ratio, second, a)).view(4, 4, 4)


def test_excitation_backprop_passes_probability_through_every_layer() -> None:
    module = Residual()
    maps = ExcitationBackprop(stage=0).explain(classifier(module, "relu"), images(), TARGETS)
    # The ReLU is shared, and the stage is its last output. `Tapped` gives its first output a name.
    assert maps.shape == (2, 4, 4)
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(2))
    maps = ExcitationBackprop(stage=0).explain(classifier(Tapped(module), "tap"), images(), TARGETS)
    for x, target, ours in zip(images(), TARGETS.tolist(), maps, strict=True):
        torch.testing.assert_close(ours, excitation(module, x, target).sum(0).detach().float())


def test_the_contrast_subtracts_the_probability_for_the_negated_class() -> None:
    module = Residual()
    maps = ContrastiveExcitationBackprop(stage=0).explain(
        classifier(Tapped(module), "tap"), images(), TARGETS
    )
    for x, target, ours in zip(images(), TARGETS.tolist(), maps, strict=True):
        difference = excitation(module, x, target) - excitation(module, x, target, sign=-1)
        torch.testing.assert_close(ours, difference.sum(0).clamp_min(0).detach().float())
    assert float(maps.max()) > 0


class Tapped(nn.Module):
    """`Residual` with a named module for the output of the first ReLU."""

    def __init__(self, inner: Residual) -> None:
        super().__init__()
        self.inner, self.tap = inner, nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.inner
        x = self.tap(inner.relu(inner.first(x)))
        return inner.fc(F.adaptive_avg_pool2d(torch.relu(x + inner.second(x)), 2).flatten(1))
