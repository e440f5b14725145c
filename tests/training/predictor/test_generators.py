import pytest
import torch

from helpers.features_of_noise import CHANNELS, CLASSES, stages
from whyframe_training.predictor.generators import (
    EdgeGenerator,
    FeatureFilter,
    UNetGenerator,
    build_generator,
)


def test_filter_is_eq_12() -> None:
    torch.manual_seed(0)
    part = FeatureFilter(CLASSES, 20).double()
    with torch.no_grad():
        part.gain.fill_(0.7)
        part.offset.fill_(-0.3)
    x = stages()[-1].double()
    class_id = torch.tensor([1, 4])
    filtered, activation = part(x, class_id)
    for n in range(2):
        for i in range(2):
            for j in range(2):
                a = 0.7 * float(x[n, :, i, j] @ part.embedding[class_id[n]]) - 0.3
                assert float(activation[n, 0, i, j].detach()) == pytest.approx(a)
                torch.testing.assert_close(
                    filtered[n, :, i, j], x[n, :, i, j] * torch.sigmoid(torch.tensor(a))
                )


def test_embedding_starts_from_the_last_layer_as_a_copy() -> None:
    weight = torch.randn(CLASSES, 20)
    part = FeatureFilter(CLASSES, 20, weight)
    assert torch.equal(part.embedding, weight)
    with torch.no_grad():
        part.embedding.zero_()
    assert weight.abs().sum() > 0


@pytest.mark.parametrize("kind", [EdgeGenerator, UNetGenerator])
@pytest.mark.parametrize("sides", [(16, 8, 4, 2), (60, 30, 15, 8), (65, 33, 17, 9), (14, 7, 4, 4)])
def test_the_map_has_the_size_of_the_stride_4_features(kind, sides) -> None:
    generator = kind(CHANNELS, CLASSES, (12, 8, 8)).eval()
    logit_map, _ = generator(stages(sides), torch.tensor([0, 1]))
    assert logit_map.shape == (2, sides[0], sides[0])
    assert logit_map.dtype == torch.float32


@pytest.mark.parametrize("kind", [EdgeGenerator, UNetGenerator])
def test_the_map_depends_on_the_target(kind) -> None:
    torch.manual_seed(0)
    generator = kind(CHANNELS, CLASSES, (12, 8, 8)).eval()
    same = [s[:1].expand(2, -1, -1, -1) for s in stages()]
    first, second = generator(same, torch.tensor([0, 1])).logit_map
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("kind", [EdgeGenerator, UNetGenerator])
def test_a_batch_gives_the_masks_of_its_single_images(kind) -> None:
    torch.manual_seed(0)
    generator = kind(CHANNELS, CLASSES, (12, 8, 8)).eval()
    together = generator(stages(), torch.tensor([3, 1])).logit_map
    alone = torch.cat(
        [
            generator([s[i : i + 1] for s in stages()], torch.tensor([c])).logit_map
            for i, c in enumerate((3, 1))
        ]
    )
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", [EdgeGenerator, UNetGenerator])
def test_every_parameter_learns(kind) -> None:
    torch.manual_seed(0)
    generator = kind(CHANNELS, CLASSES, (12, 8, 8)).train()
    generator(stages(n=4), torch.tensor([0, 1, 2, 3])).logit_map.square().sum().backward()
    silent = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert not silent


def test_an_edge_generator_starts_near_the_class_activation() -> None:
    """With the decoder's last layer silenced the logits are the activation, bilinearly enlarged."""
    torch.manual_seed(0)
    generator = EdgeGenerator(CHANNELS, CLASSES, (12, 8, 8)).eval()
    with torch.no_grad():
        generator.head[-1].weight.zero_()
        generator.head[-1].bias.zero_()
    _, activation = generator.filter(stages()[-1], torch.tensor([0, 1]))
    expected = torch.nn.functional.interpolate(activation, size=16, mode="bilinear")[:, 0]
    torch.testing.assert_close(generator(stages(), torch.tensor([0, 1])).logit_map, expected)


def test_an_unknown_generator_is_refused() -> None:
    with pytest.raises(ValueError, match="choose edge, unet"):
        build_generator({"name": "vit", "widths": [1, 2, 3]}, CHANNELS, CLASSES, None)
