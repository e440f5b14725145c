import pytest
import torch
from torch.nn import functional as F

from helpers.architectures import spec
from helpers.features_of_noise import CHANNELS, CLASSES, stages
from whyframe_training.classifiers.feature_taps import Tap
from whyframe_training.predictor.generators import EdgeGenerator, UNetGenerator, enlarge
from whyframe_training.predictor.scales import fit_widths, grouped, scale_groups


def taps(*sides: int) -> list[Tap]:
    return [Tap(str(index), "nchw", 0, side, side, 8) for index, side in enumerate(sides)]


@pytest.mark.parametrize(
    ("sides", "input_side", "groups"),
    [
        ((56, 28, 14, 7), 224, (1, 1, 1)),
        ((55, 27, 13, 13), 224, (1, 1, 1)),
        ((14, 14, 14), 224, (2, 0, 0)),
        ((16, 16, 16), 224, (2, 0, 0)),
        ((28, 28, 28), 224, (2, 0)),
        ((7,), 224, (0, 0, 0)),
        ((28, 14, 7), 28, (1, 1)),
        ((28, 14, 7), 224, (1, 1, 0)),
        ((56,), 224, (0,)),
    ],
)
def test_scales_are_those_of_the_features_then_doubled_ones(sides, input_side, groups) -> None:
    assert scale_groups(taps(*sides), spec(input_side)) == groups


def test_widths_are_the_finest_ones_or_continue_by_halves() -> None:
    assert fit_widths((128, 64, 32), 3) == (128, 64, 32)
    assert fit_widths((128, 64, 32), 1) == (32,)
    assert fit_widths((128, 64, 32), 5) == (128, 64, 32, 16, 8)
    assert fit_widths((16, 12, 8), 4) == (16, 12, 8, 8)
    assert fit_widths((16, 12, 8), 0) == ()


def test_items_are_grouped_in_order() -> None:
    assert list(grouped("abc", (2, 0, 1))) == [["a", "b"], [], ["c"]]


@pytest.mark.parametrize("groups", [None, (1, 1, 1)])
def test_strides_4_8_16_and_32_keep_their_structure_and_numbers(groups) -> None:
    """The decoder of earlier versions, written out."""
    torch.manual_seed(0)
    generator = EdgeGenerator(CHANNELS, CLASSES, (12, 8, 6), groups=groups).eval()
    names = [name for name, _ in generator.named_children()]
    assert names == ["filter", "reduce", "lateral", "mix", "head"]
    assert [part[0].out_channels for part in generator.lateral] == [12, 8, 6]
    assert [part[0].in_channels for part in generator.lateral] == [16, 12, 8]
    features, class_id = stages(), torch.tensor([0, 1])
    fine, middle, coarse, last = features
    filtered, activation = generator.filter(last, class_id)
    x = F.relu(enlarge(generator.reduce(filtered), coarse.shape[-2:]) + generator.lateral[0](coarse))
    x = F.relu(generator.mix[0](x))
    x = F.relu(enlarge(x, middle.shape[-2:]) + generator.lateral[1](middle))
    x = F.relu(generator.mix[1](x))
    x = F.relu(enlarge(x, fine.shape[-2:]) + generator.lateral[2](fine))
    expected = generator.head(x) + generator.skip * enlarge(activation, fine.shape[-2:], "bilinear")
    assert torch.equal(generator(features, class_id).logit_map, expected.squeeze(1))


@pytest.mark.parametrize("kind", [EdgeGenerator, UNetGenerator])
@pytest.mark.parametrize("groups", [(0,), (0, 0), (0, 0, 0)])
def test_the_last_features_alone_are_enough(kind, groups) -> None:
    generator = kind((20,), CLASSES, (12, 8, 6), groups=groups)
    last = torch.rand(2, 20, 4, 6, requires_grad=True)
    factor = 2 ** (len(groups) - 1)
    logit_map, activation = generator([last], torch.tensor([0, 1]))
    assert logit_map.shape == (2, 4 * factor, 6 * factor)
    assert activation.shape == (2, 1, 4, 6)
    logit_map.sum().backward()
    assert last.grad.abs().any()
