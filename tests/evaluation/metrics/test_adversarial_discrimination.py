from dataclasses import replace

import pytest
import torch
from torch import nn

from whyframe_evaluation.metrics.adversarial_discrimination import (
    DiscriminatorConfig,
    LabelledHeatmaps,
    discrimination_accuracy,
)


def linear_network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))


LINEAR = DiscriminatorConfig(linear_network, side=8, epochs=30, batch=16)


def heatmaps(n: int, seed: int, apart: bool = True) -> LabelledHeatmaps:
    """Return clean heatmaps that are high on the left and adversarial ones that are high on the right.

    Args:
        n: Number of each.
        seed: Seed of the noise.
        apart: Whether the two kinds differ at all.
    """
    noise = torch.rand(2, n, 8, 8, generator=torch.Generator().manual_seed(seed))
    if apart:
        noise[0, ..., :4] += 1
        noise[1, ..., 4:] += 1
    return LabelledHeatmaps(noise[0] / 2, noise[1] / 2)


def test_heatmaps_that_differ_are_separated() -> None:
    assert discrimination_accuracy(heatmaps(40, 0), heatmaps(20, 1), LINEAR) == 100


def test_the_accuracy_is_chance_where_heatmaps_do_not_differ() -> None:
    train, test = heatmaps(100, 0, apart=False), heatmaps(400, 1, apart=False)
    assert discrimination_accuracy(train, test, LINEAR) == pytest.approx(50, abs=8)


def recording(networks: list[nn.Module]) -> DiscriminatorConfig:
    """Return a configuration that keeps every network that it builds."""

    def build() -> nn.Module:
        networks.append(linear_network())
        return networks[-1]

    return replace(LINEAR, build=build)


def test_only_the_seed_decides_and_the_global_random_state_is_unchanged() -> None:
    networks: list[nn.Module] = []
    for outside in (5, 6):
        torch.manual_seed(outside)
        state = torch.random.get_rng_state()
        discrimination_accuracy(heatmaps(20, 0), heatmaps(4, 1), replace(recording(networks), epochs=2))
        assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(networks[0][1].weight, networks[1][1].weight)


def test_examples_are_three_channels_with_the_adversarial_heatmaps_labelled_1() -> None:
    maps = LabelledHeatmaps(torch.tensor([[[0.0, 1.0], [0.5, 0.0]]]), torch.zeros(2, 2, 2))
    images, labels = maps.examples(2)
    assert images.shape == (3, 3, 2, 2)
    assert images[0, 2].tolist() == [[0, 1], [0.5, 0]]
    assert labels.tolist() == [0, 1, 1]


def test_the_penalty_shrinks_the_weights() -> None:
    networks: list[nn.Module] = []
    for l1 in (0.0, 1e-2):
        discrimination_accuracy(heatmaps(40, 0), heatmaps(4, 1), replace(recording(networks), l1=l1))
    free, penalised = (network[1].weight.abs().sum() for network in networks)
    assert penalised < 0.5 * free
