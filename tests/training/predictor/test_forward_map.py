from itertools import pairwise

import pytest
import torch
from torch import Tensor

from helpers import tiny_network
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier, ClassifierError
from whyframe_training.predictor import forward_map
from whyframe_training.predictor.forward_map import ForwardMap, gaussian_masks

GAUSSIAN = torch.tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
INPUT = InputSpec(height=96, width=96, mean=(0.5,) * 3, std=(0.25,) * 3)
TARGET = torch.tensor([1, 4])


def classifier() -> Classifier:
    labels = [f"class {i}" for i in range(tiny_network.CLASSES)]
    return Classifier(tiny_network.build(), name="tiny", labels=labels, input=INPUT)


def images() -> Tensor:
    return torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_the_map_is_the_probability_of_the_features_around_each_cell_in_float64() -> None:
    network = classifier()
    explainer = ForwardMap(network)
    features, logits = explainer.features(network.normalise(images()))
    torch.testing.assert_close(logits, network(images()).logits)
    actual = explainer.logit_map([features], TARGET)
    x, fc = features.double(), network.module.fc.double()
    assert x.shape[-2:] == (3, 3)
    for row in range(3):
        for column in range(3):
            padded = torch.zeros(5, 5)
            padded[row : row + 3, column : column + 3] = GAUSSIAN
            expected = fc((x * padded[1:-1, 1:-1]).mean((2, 3))).softmax(1)[[0, 1], TARGET]
            torch.testing.assert_close(actual[:, row, column].double(), expected, atol=1e-6, rtol=0)


def test_maps_use_the_whole_range_and_depend_on_the_class() -> None:
    explainer = ForwardMap(classifier())
    maps = explainer.explain(images(), TARGET)
    assert maps.shape == (2, 3, 3)
    assert maps.amin((1, 2)).eq(0).all()
    assert maps.amax((1, 2)).eq(1).all()
    assert not torch.allclose(maps, explainer.explain(images(), TARGET - 1))


def test_masks_have_the_published_weights_also_at_the_border() -> None:
    masks = gaussian_masks((4, 5), (4, 5)).unflatten(0, (4, 5))
    assert torch.equal(masks[1, 2, :3, 1:4], GAUSSIAN)
    assert masks[1, 2].sum() == 1
    assert torch.equal(masks[0, 0, :2, :2], GAUSSIAN[1:, 1:])
    assert masks[3, 4].sum() == GAUSSIAN[1:, 1:].sum()


def test_masks_of_a_coarser_grid_are_larger_and_centred() -> None:
    masks = gaussian_masks((12, 12), (6, 6)).unflatten(0, (6, 6))
    torch.testing.assert_close(masks[2, 3], masks[3, 2].T)
    y = (masks[2, 3].sum(1) * torch.arange(12)).sum() / masks[2, 3].sum()
    assert y == pytest.approx(4.5)  # the centre of rows 4 and 5
    torch.testing.assert_close(masks.sum((0, 1))[3:-3, 3:-3], torch.ones(6, 6))


@pytest.mark.parametrize(
    ("changes", "grid"),
    [
        ({"MAXIMUM_VALUES": 9 * 180}, (3, 3)),
        ({"MAXIMUM_VALUES": 9 * 180 - 1}, (2, 2)),
        ({"MODERATE_COST": 0.0}, (1, 1)),
        ({"MODERATE_COST": 0.0, "SMALLEST_GRID": 2}, (2, 2)),
    ],
)
def test_the_grid_is_coarser_where_features_are_large_or_expensive(monkeypatch, changes, grid) -> None:
    for name, value in {"SMALLEST_GRID": 1, **changes}.items():
        monkeypatch.setattr(forward_map, name, value)
    assert ForwardMap(classifier()).explain(images(), TARGET).shape[1:] == grid


def test_the_cost_counts_the_layers_after_the_cut_only() -> None:
    explainer = ForwardMap(classifier())
    convolutions = sum(
        9 * a * b * (48 // 2**i) ** 2 for i, (a, b) in enumerate(pairwise((3, 8, 8, 12, 16, 20)))
    )
    linear = 20 * tiny_network.CLASSES
    assert explainer.cost == pytest.approx(9 * linear / (convolutions + linear))


def test_an_explainer_that_costs_too_much_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(forward_map, "MAXIMUM_COST", 0.0)
    with pytest.raises(ClassifierError, match="forward map of tiny would cost 0 times"):
        ForwardMap(classifier())
