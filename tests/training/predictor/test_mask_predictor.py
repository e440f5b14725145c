import pytest
import torch

from helpers.features_of_noise import CHANNELS, CLASSES, stages
from whyframe_training.functional import instance_normalise
from whyframe_training.predictor.controllers import CustomizedTransformer
from whyframe_training.predictor.generators import EdgeGenerator, UNetGenerator
from whyframe_training.predictor.mask_predictor import MaskPredictor
from whyframe_training.predictor.min_max import MinMax

TARGET = torch.tensor([0, 1])


@pytest.mark.parametrize("kind", [EdgeGenerator, UNetGenerator])
def test_cam_weight_adds_the_normalised_activation_to_the_normalised_logits(kind) -> None:
    torch.manual_seed(0)
    generator = kind(CHANNELS, CLASSES, (12, 8, 8)).eval()
    output = generator(stages(), TARGET)
    coarse = torch.nn.functional.interpolate(output.activation, size=16, mode="bilinear")[:, 0]
    expected = instance_normalise(output.logit_map) + 0.5 * instance_normalise(coarse)
    torch.testing.assert_close(
        MaskPredictor(generator, CustomizedTransformer(), 0.5).logit_map(stages(), TARGET), expected
    )


def test_without_cam_weight_the_logits_are_the_generators() -> None:
    torch.manual_seed(0)
    generator = EdgeGenerator(CHANNELS, CLASSES, (12, 8, 8)).eval()
    predictor = MaskPredictor(generator, CustomizedTransformer())
    logits = generator(stages(), TARGET).logit_map
    assert torch.equal(predictor.logit_map(stages(), TARGET), logits)
    assert torch.equal(predictor(stages(), TARGET), CustomizedTransformer()(logits))


def test_minmax_uses_the_whole_range_and_a_constant_gives_zeros() -> None:
    scores = MinMax()(torch.tensor([[[-3.0, 1.0], [0.0, -1.0]]]))
    torch.testing.assert_close(scores, torch.tensor([[[0.0, 1.0], [0.75, 0.5]]]))
    assert MinMax()(torch.full((1, 2, 2), 7.0)).abs().max() == 0
