"""Small networks of the field's architectures, with random weights, and the features that belong to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier

CLASSES = 5
LABELS = tuple("abcde")


def spec(height: int, width: int | None = None, channels: int = 3) -> InputSpec:
    """Return an input of a size whose values are not normalised."""
    plain = {"mean": (0.0,) * channels, "std": (1.0,) * channels, "color": "grey" if channels == 1 else "rgb"}
    return InputSpec(height=height, width=width or height, channels=channels, **plain)


class Case(NamedTuple):
    """A network and what is expected of it.

    Attributes:
        build: Function that returns the network.
        input: The network's input.
        taps: Layout, prefix tokens, height, width and channels of the features, from fine to coarse.
        mask: Height and width of the mask.
    """

    build: Callable[[], nn.Module]
    input: InputSpec
    taps: list[tuple[str, int, int, int, int]]
    mask: tuple[int, int]


def torchvision(name: str, **options: Any) -> Callable[[], nn.Module]:
    """Return a function that builds a network of torchvision."""

    def build() -> nn.Module:
        models = pytest.importorskip("torchvision.models")
        return models.get_model(name, weights=None, num_classes=CLASSES, **options)

    return build


def timm(name: str, **options: Any) -> Callable[[], nn.Module]:
    """Return a function that builds a network of timm."""

    def build() -> nn.Module:
        return pytest.importorskip("timm").create_model(name, num_classes=CLASSES, **options)

    return build


def small_vit() -> nn.Module:
    """Return a vision transformer of torchvision with 4 x 4 patches and three blocks."""
    vit = pytest.importorskip("torchvision.models").VisionTransformer
    network = vit(
        image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=5
    )
    nn.init.normal_(network.heads.head.weight, std=0.2)  # torchvision starts it at 0
    return network


def small_swin() -> nn.Module:
    """Return a Swin transformer of torchvision with two stages."""
    swin = pytest.importorskip("torchvision.models").SwinTransformer
    return swin(
        patch_size=[4, 4], embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], num_classes=5
    )


def small_mixer() -> nn.Module:
    """Return an MLP mixer of timm with 4 x 4 patches and three blocks."""
    mixer = pytest.importorskip("timm.models.mlp_mixer").MlpMixer
    network = mixer(num_classes=CLASSES, img_size=64, patch_size=16, num_blocks=3, embed_dim=32)
    nn.init.normal_(network.head.weight, std=0.2)  # timm starts it at 0
    return network


def mnist() -> nn.Module:
    """Return a network for 28 x 28 grey images: two convolutions with pooling, and two linear layers."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12 * 49, 16), nn.ReLU(), nn.Linear(16, CLASSES),
    )  # fmt: skip


def without_padding() -> nn.Module:
    """Return the network of LeNet: 28 x 28, then 24, 12, 8 and 4 cells per side."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 16, CLASSES),
    )  # fmt: skip


def convolutions(*strides: int, dilation: int = 1) -> Callable[[], nn.Module]:
    """Return a function that builds convolutions of given strides with batch norms, pooling and a linear layer."""

    def build() -> nn.Module:
        layers, inputs = nn.Sequential(), 3
        for number, stride in enumerate(strides):
            width = 8 + 2 * number
            pad = dilation if stride == 1 else 1
            layers.append(
                nn.Sequential(
                    nn.Conv2d(inputs, width, 3, stride, pad, dilation=pad, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                )
            )
            inputs = width
        return nn.Sequential(layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES))

    return build


def tokens(
    prefix: int, height: int, width: int, channels: int, count: int = 3
) -> list[tuple[str, int, int, int, int]]:
    """Return the taps of a vision transformer: the same grid at several depths."""
    return [("tokens", prefix, height, width, channels)] * count


def maps(*taps: tuple[int, int, int], layout: str = "nchw") -> list[tuple[str, int, int, int, int]]:
    """Return taps of maps of given heights, widths and channels."""
    return [(layout, 0, *tap) for tap in taps]


VIT = {"img_size": 64, "embed_dim": 48, "depth": 4, "num_heads": 2}
CASES: dict[str, Case] = {
    "vit": Case(small_vit, spec(64), tokens(1, 4, 4, 32), (16, 16)),
    "swin": Case(
        small_swin, spec(64, 96), [*maps((16, 24, 16), layout="nhwc"), *maps((8, 12, 32))], (16, 24)
    ),
    "resnet18 64 x 96": Case(
        torchvision("resnet18"),
        spec(64, 96),
        maps((16, 24, 64), (8, 12, 128), (4, 6, 256), (2, 3, 512)),
        (16, 24),
    ),
    "squeezenet": Case(
        torchvision("squeezenet1_1"), spec(64), maps((15, 15, 128), (7, 7, 256), (3, 3, 512), (3, 3, 512)), (15, 15)
    ),
    "mnist": Case(mnist, spec(28, channels=1), maps((28, 28, 8), (14, 14, 12), (7, 7, 12)), (28, 28)),
    "without padding": Case(
        without_padding, spec(28, channels=1), maps((24, 24, 6), (12, 12, 6), (8, 8, 16), (4, 4, 16)), (24, 24)
    ),
    "cifar": Case(
        convolutions(1, 2, 1, 2, 1), spec(32), maps((16, 16, 12), (8, 8, 16)), (16, 16)
    ),
    "dilated": Case(
        convolutions(2, 2, 2, 1, 1, dilation=2), spec(64), maps((16, 16, 10), (8, 8, 16)), (16, 16)
    ),
    "five scales": Case(
        convolutions(4, 2, 2, 2, 2), spec(128),
        maps((32, 32, 8), (16, 16, 10), (8, 8, 12), (2, 2, 16)), (32, 32),
    ),
    "one scale": Case(convolutions(8, 1, 1, 1, 1, 1), spec(64), maps((8, 8, 10), (8, 8, 14), (8, 8, 18)), (16, 16)),
    "timm vit with registers": Case(
        timm("vit_tiny_patch16_224", **VIT, reg_tokens=4), spec(64), tokens(5, 4, 4, 48), (16, 16)
    ),
    "timm vit, 64 x 96, pooled": Case(
        timm("vit_tiny_patch16_224", **{**VIT, "img_size": (64, 96)}, global_pool="avg", class_token=False),
        spec(64, 96), tokens(0, 4, 6, 48), (16, 24),
    ),
    "timm deit, distilled": Case(
        timm("deit_tiny_distilled_patch16_224", **VIT), spec(64), tokens(2, 4, 4, 48), (16, 16)
    ),
    "timm mixer": Case(
small_mixer, spec(64), tokens(0, 4, 4, 32), (16, 16)
    ),
}  # fmt: skip
"""Networks that are quick to build, by a description."""


def classifier(name: str) -> Classifier:
    """Return the classifier of a case, with weights from a fixed seed."""
    case = CASES[name]
    torch.manual_seed(0)
    return Classifier(case.build(), name=name, labels=LABELS, input=case.input, activation="softmax")


def images(case: Case, count: int = 2) -> torch.Tensor:
    """Return images of noise in [0, 1], count x C x H x W."""
    size = (count, case.input.channels, case.input.height, case.input.width)
    return torch.rand(size, generator=torch.Generator().manual_seed(1))
