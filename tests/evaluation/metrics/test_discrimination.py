import pytest
import torch
from torch import nn

from whyframe_evaluation.metrics.discrimination import Discrimination, Heatmaps, alexnet, discriminate

SMALL = Discrimination(build=lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)), side=8, batch=16)


def heatmaps(n: int, seed: int, apart: bool = True) -> Heatmaps:
    """Clean ones are lit on the left, adversarial ones on the right; or both drawn alike."""
    noise = torch.rand(2, n, 8, 8, generator=torch.Generator().manual_seed(seed))
    if apart:
        noise[0, ..., :4] += 1
        noise[1, ..., 4:] += 1
    return Heatmaps(noise[0], noise[1])


def test_what_differs_is_told_apart() -> None:
    assert discriminate(heatmaps(40, 0), heatmaps(20, 1), SMALL) == 100


def test_what_does_not_differ_is_chance() -> None:
    accuracy = discriminate(heatmaps(100, 0, apart=False), heatmaps(400, 1, apart=False), SMALL)
    assert accuracy == pytest.approx(50, abs=8)


def test_the_seed_alone_decides_and_the_random_state_is_left() -> None:
    built = []

    def build() -> nn.Module:
        built.append(SMALL.build())
        return built[-1]

    for outside in (5, 6):
        torch.manual_seed(outside)
        state = torch.random.get_rng_state()
        discriminate(heatmaps(20, 0), heatmaps(4, 1), Discrimination(build, side=8, batch=16, epochs=2))
        assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(built[0][1].weight, built[1][1].weight)


def test_examples_are_scaled_by_their_own_range() -> None:
    maps = Heatmaps(torch.tensor([[[1.0, 3.0], [2.0, 1.0]]]), torch.zeros(2, 2, 2))
    images, labels = maps.examples(2)
    assert images.shape == (3, 3, 2, 2)
    assert images[0, 0].tolist() == [[0, 1], [0.5, 0]]
    assert labels.tolist() == [0, 1, 1]
    assert len(maps) == 3


def test_the_penalty_shrinks_the_weights() -> None:
    built = []

    def build() -> nn.Module:
        built.append(SMALL.build())
        return built[-1]

    for l1 in (0.0, 1e-2):
        discriminate(heatmaps(40, 0), heatmaps(4, 1), Discrimination(build, side=8, batch=16, l1=l1))
    free, penalised = (network[1].weight.abs().sum() for network in built)
    assert penalised < 0.5 * free


def test_alexnet_is_the_papers_with_two_classes() -> None:
    pytest.importorskip("torchvision")
    network = alexnet().eval()
    assert network(torch.zeros(1, 3, 224, 224)).shape == (1, 2)
