from itertools import pairwise

import pytest
import torch
from torch import nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.classifiers.feature_taps import Tap, capture, find_taps
from whyframe_training.classifiers.networks import (
    ClassifierError,
    ClassifierSpec,
    build_network,
    network_names,
)

# name: side, channels, sides of the features
FAMILIES = {
    "alexnet": (224, (64, 192, 256, 256), (55, 27, 13, 6)),
    "convnext_tiny": (224, (96, 192, 384, 768), (56, 28, 14, 7)),
    "densenet121": (224, (256, 512, 1024, 1024), (56, 28, 14, 7)),
    "efficientnet_b3": (300, (32, 48, 136, 1536), (75, 38, 19, 10)),
    "efficientnet_lite0": (224, (24, 40, 112, 1280), (56, 28, 14, 7)),
    "efficientnet_lite1": (240, (24, 40, 112, 1280), (60, 30, 15, 8)),
    "efficientnet_lite2": (260, (24, 48, 120, 1280), (65, 33, 17, 9)),
    "efficientnet_v2_s": (384, (48, 64, 160, 1280), (96, 48, 24, 12)),
    "googlenet": (224, (192, 480, 832, 1024), (56, 28, 14, 7)),
    "inception_v3": (299, (192, 288, 768, 2048), (71, 35, 17, 8)),
    "maxvit_t": (224, (64, 128, 256, 512), (56, 28, 14, 7)),
    "mnasnet1_0": (224, (24, 40, 96, 1280), (56, 28, 14, 7)),
    "mobilenet_v2": (224, (24, 32, 96, 1280), (56, 28, 14, 7)),
    "mobilenet_v3_small": (224, (16, 24, 48, 576), (56, 28, 14, 7)),
    "resnet50": (224, (256, 512, 1024, 2048), (56, 28, 14, 7)),
    "resnext50_32x4d": (224, (256, 512, 1024, 2048), (56, 28, 14, 7)),
    "shufflenet_v2_x1_0": (224, (24, 116, 232, 1024), (56, 28, 14, 7)),
    "squeezenet1_1": (224, (128, 256, 512, 512), (55, 27, 13, 13)),
    "vgg19": (224, (256, 512, 512, 512), (56, 28, 14, 7)),
    "vgg16_bn": (224, (256, 512, 512, 512), (56, 28, 14, 7)),
    "wide_resnet50_2": (224, (256, 512, 1024, 2048), (56, 28, 14, 7)),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_features_of_each_family(name: str) -> None:
    """On the meta device, which knows shapes and computes nothing."""
    with torch.device("meta"):
        network = build_network(ClassifierSpec(name, "random"), 1000)
        calls = find_taps(network.module.eval(), network.input)
    side, channels, sides = FAMILIES[name]
    assert network.input.height == side
    assert tuple(call.channels for call in calls) == channels
    assert tuple(call.width for call in calls) == sides


@pytest.mark.slow
@pytest.mark.parametrize("name", network_names())
def test_every_cnn_of_torchvision_has_features(name: str) -> None:
    with torch.device("cpu" if name.startswith("regnet") else "meta"):  # RegNet's builder computes its widths
        network = build_network(ClassifierSpec(name, "random"), 1000)
    network.module.to("meta").eval()
    with torch.device("meta"):
        calls = find_taps(network.module, network.input)
    for call, stride in zip(calls, (4, 8, 16), strict=False):
        # Without padding they are smaller: Inception's 17 stand for 18.7.
        assert network.input.height / stride == pytest.approx(call.width, rel=0.1)
    assert calls[3].width <= calls[2].width


def step(inputs: int, outputs: int, stride: int = 2) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


class SharedActivation(nn.Module):
    """A network whose scales share a single pooling module and a single activation module."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 4, 5, 6, 7)
        self.convs = nn.ModuleList([step(a, b, 1) for a, b in pairwise(widths)])
        self.act, self.pool, self.fc = nn.Hardswish(), nn.MaxPool2d(2), nn.Linear(7, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in self.convs:
            x = self.pool(self.act(conv(x)))
        return self.fc(x.mean((2, 3)))


def test_a_module_that_is_called_at_many_scales_stands_for_its_last_call_only() -> None:
    classifier = Classifier(SharedActivation(), name="shared", labels="abcde", input=InputSpec.square(64))
    features = classifier(torch.rand(1, 3, 64, 64))
    names = [tap.name for tap in classifier.taps]
    assert names == ["convs.2", "act", "pool", "pool"], "the activation's last call is at stride 8"
    assert [stage.shape[1:] for stage in features.stages] == [(6, 16, 16), (7, 8, 8), (7, 4, 4), (7, 4, 4)]
    assert classifier.channels == (6, 7, 7, 7)


class PaddedStep(nn.Module):
    """A block that pads explicitly before it halves: the padded input, a cell wider, is not a feature."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.pad, self.conv = nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(inputs, outputs, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.pad(x))


def test_steps_inside_a_reducing_block_are_no_features_whatever_their_padding() -> None:
    body = nn.Sequential(step(3, 4), *(PaddedStep(c, c + 1) for c in range(4, 8)))
    calls = find_taps(
        nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)), InputSpec.square(64)
    )
    assert [call.name for call in calls] == ["0.1", "0.2", "0.3", "0"]


def test_steps_inside_a_reducing_block_are_no_features_where_a_scale_has_no_exact_size() -> None:
    """Sides 29, 14, 7, 3 of 60, none of them 15; the second block pads its 14 to 15."""
    body = nn.Sequential(nn.Conv2d(3, 4, 3, 2), *(PaddedStep(c, c + 1) for c in range(4, 7)))
    calls = find_taps(
        nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 5)), InputSpec.square(60)
    )
    assert [call.name for call in calls] == ["0.1", "0.2", "0", "0"]


class ChannelsLast(nn.Module):
    """What transformers do: N x h x w x C between the blocks, here with as many channels as a scale has cells."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.mix = nn.Conv2d(3, 16, 8, 8), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mix(self.patches(x).movedim(1, -1)).mean((1, 2))


def test_outputs_with_channels_last_are_read_as_such() -> None:
    (tap,) = find_taps(ChannelsLast(), InputSpec.square(64))
    assert tap == Tap("mix", "nhwc", 0, 8, 8, 16)
    output = torch.rand(2, 8, 8, 16)
    assert torch.equal(tap.to_map(output), output.permute(0, 3, 1, 2))


def test_a_network_without_feature_maps_is_refused() -> None:
    with pytest.raises(ClassifierError, match=r"no spatial features .* what remains") as caught:
        find_taps(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 5)), InputSpec.square(64))
    assert "\n" not in str(caught.value)


def test_capture_records_the_outputs_and_leaves_no_hook() -> None:
    network = nn.Sequential(step(3, 4), nn.ReLU())
    x = torch.rand(1, 3, 8, 8)
    with capture(network, ["0"]) as outputs:
        network(x)
    torch.testing.assert_close(outputs["0"], network[0](x))
    assert not network[0]._forward_hooks  # private: PyTorch has no public list of hooks
