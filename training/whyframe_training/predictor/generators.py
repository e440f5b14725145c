"""Mask generators: a class-aware feature filter, then a decoder from the last features to the stride-4 grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GeneratorOutput(NamedTuple):
    """What a generator sees for a class.

    Attributes:
        logit_map: N x h4 x w4, float32: its scores, at the size of the stride-4 features.
        activation: N x 1 x h x w: the feature filter's, at the size of the last features.
    """

    logit_map: Tensor
    activation: Tensor


class FeatureFilter(nn.Module):
    """Eq. 12: attenuates the places whose content does not correspond to the class.

    `Y = X * sigmoid(a)` with `a = gain * <X, C_s> + offset`. Gain and offset are scalars that let an embedding
    copied from a classifier's last linear layer, whose products are logits, be brought into the sigmoid's range.

    Args:
        classes: number of classes.
        channels: D of the last features.
        embedding: classes x D start values; drawn from N(0, 1/sqrt(D)) where absent.
    """

    def __init__(self, classes: int, channels: int, embedding: Tensor | None = None) -> None:
        super().__init__()
        start = torch.randn(classes, channels) * channels**-0.5 if embedding is None else embedding.clone()
        self.embedding = nn.Parameter(start.float())
        self.gain = nn.Parameter(torch.tensor(1.0))
        self.offset = nn.Parameter(torch.tensor(0.0))

    def forward(self, features: Tensor, class_id: Tensor) -> tuple[Tensor, Tensor]:
        """N x D x h x w features and N classes to the filtered features and the activation, N x 1 x h x w."""
        embedding = F.embedding(class_id, self.embedding).to(features.dtype)
        n, _, height, width = features.shape
        product = torch.bmm(embedding[:, None], features.flatten(2)).view(n, 1, height, width)
        # The gain comes after the product, so that an embedding equal to the classifier's last layer is stored once.
        activation = self.gain.to(features.dtype) * product + self.offset.to(features.dtype)
        return features * torch.sigmoid(activation), activation


def conv_bn(inputs: int, outputs: int, kernel: int, groups: int = 1) -> nn.Sequential:
    """Convolution with batch normalisation (folded away at export)."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class EdgeGenerator(nn.Module):
    """A decoder for small CPUs: 1x1 reduction, nearest doubling, added 1x1 laterals, one 3x3 convolution a scale.

    The class activation, upsampled, is added to the decoder's logits: the decoder learns what to change of the
    classifier's own coarse evidence.

    Args:
        stages: channels of the features at strides 4, 8, 16 and of the last ones.
        classes: number of classes.
        widths: channels at the three scales, coarse to fine.
        embedding: see `FeatureFilter`.
    """

    name = "edge"

    def __init__(
        self,
        stages: Sequence[int],
        classes: int,
        widths: Sequence[int] = (128, 64, 32),
        embedding: Tensor | None = None,
    ) -> None:
        super().__init__()
        fine, middle, coarse, last = stages
        a, b, c = widths
        self.widths = tuple(widths)
        self.filter = FeatureFilter(classes, last, embedding)
        self.reduce = conv_bn(last, a, 1)
        self.lateral = nn.ModuleList([conv_bn(coarse, a, 1), conv_bn(middle, b, 1), conv_bn(fine, c, 1)])
        self.mix = nn.ModuleList([conv_bn(a, b, 3), conv_bn(b, c, 3)])
        # Ranking lives in fine detail, so two separable steps at the finest scale; a dense 3x3 to one channel would
        # cost as much as to 16, since runtimes pad a lone output channel to a vector's width.
        self.head = nn.Sequential(
            conv_bn(c, c, 3, groups=c), nn.ReLU(), conv_bn(c, c, 1), nn.ReLU(),
            conv_bn(c, c, 3, groups=c), nn.ReLU(), nn.Conv2d(c, 1, 1),
        )  # fmt: skip
        self.skip = nn.Parameter(torch.tensor(1.0))

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> GeneratorOutput:
        """Features at strides 4, 8, 16 and the last ones, N x C x h x w each, and N classes."""
        fine, middle, coarse, last = stages
        filtered, activation = self.filter(last, class_id)
        x = self.reduce(filtered)
        x = F.relu(enlarge(x, coarse.shape[-2:]) + self.lateral[0](coarse))
        x = F.relu(self.mix[0](x))
        x = F.relu(enlarge(x, middle.shape[-2:]) + self.lateral[1](middle))
        x = F.relu(self.mix[1](x))
        x = F.relu(enlarge(x, fine.shape[-2:]) + self.lateral[2](fine))
        evidence = enlarge(activation.float(), fine.shape[-2:], "bilinear")
        return GeneratorOutput((self.head(x).float() + self.skip * evidence).squeeze(1), activation)


def enlarge(x: Tensor, size: Sequence[int], mode: str = "nearest") -> Tensor:
    """N x C x h x w at a given height and width; by a whole factor where there is one, an exported constant."""
    height, width = size
    factor = height // x.shape[-2]
    if (factor * x.shape[-2], factor * x.shape[-1]) == (height, width):
        return F.interpolate(x, scale_factor=float(factor), mode=mode)
    return F.interpolate(x, size=(height, width), mode=mode)


class Bottleneck(nn.Module):
    """1x1 - 3x3 - 1x1 residual bottleneck with a 1x1 shortcut (section 3.1)."""

    def __init__(self, inputs: int, outputs: int, ratio: int = 4) -> None:
        super().__init__()
        inner = max(outputs // ratio, 1)
        self.body = nn.Sequential(
            conv_bn(inputs, inner, 1),
            nn.ReLU(),
            conv_bn(inner, inner, 3),
            nn.ReLU(),
            conv_bn(inner, outputs, 1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """N x inputs x h x w to N x outputs x h x w."""
        return F.relu(self.body(x) + self.shortcut(x))


class UpBlock(nn.Module):
    """Transposed convolution to the skip's scale, concatenation with the skip, bottleneck."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.mix = Bottleneck(outputs + skip, outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Low-resolution features and the skip to features at the skip's size."""
        x = F.relu(self.norm(self.up(x)))
        if x.shape[-2:] != skip.shape[-2:]:  # sides such as 260 do not double evenly
            x = enlarge(x, skip.shape[-2:])
        return self.mix(torch.cat([x, skip], dim=1))


class UNetGenerator(nn.Module):
    """The paper's generator: three U-Net blocks with bottlenecks from the last features to stride 4.

    Args:
        stages: channels of the features at strides 4, 8, 16 and of the last ones.
        classes: number of classes.
        widths: channels of the three blocks, coarse to fine (A.3).
        embedding: see `FeatureFilter`.
    """

    name = "unet"

    def __init__(
        self,
        stages: Sequence[int],
        classes: int,
        widths: Sequence[int] = (256, 128, 64),
        embedding: Tensor | None = None,
    ) -> None:
        super().__init__()
        fine, middle, coarse, last = stages
        a, b, c = widths
        self.widths = tuple(widths)
        self.filter = FeatureFilter(classes, last, embedding)
        self.blocks = nn.ModuleList([UpBlock(last, coarse, a), UpBlock(a, middle, b), UpBlock(b, fine, c)])
        self.head = nn.Conv2d(c, 1, 3, padding=1)

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> GeneratorOutput:
        """Features at strides 4, 8, 16 and the last ones, N x C x h x w each, and N classes."""
        fine, middle, coarse, last = stages
        x, activation = self.filter(last, class_id)
        for block, skip in zip(self.blocks, (coarse, middle, fine), strict=True):
            x = block(x, skip)
        return GeneratorOutput(self.head(x).float().squeeze(1), activation)


MaskGenerator = EdgeGenerator | UNetGenerator
GENERATORS: dict[str, Callable[..., MaskGenerator]] = {"edge": EdgeGenerator, "unet": UNetGenerator}
DEFAULT_WIDTHS = {"edge": [128, 64, 32], "unet": [256, 128, 64]}
PAPER_WIDTHS = {"resnet50": [256, 128, 64], "vgg19": [256, 128, 64], "googlenet": [416, 240, 96]}
"""Channels of the U-Net generator for the networks of the paper (Fu et al. 2022, appendix A.3)."""


def default_generator(classifier: str, name: str | None = None) -> dict[str, Any]:
    """Return the generator that is trained for a classifier unless another is asked for.

    Args:
        classifier: Name of the classifier.
        name: "edge" or "unet"; None takes "unet" for the networks of the paper, and "edge" for all others.

    Returns:
        Generator and channels, as `build_generator` takes them.
    """
    name = name or ("unet" if classifier in PAPER_WIDTHS else "edge")
    widths = PAPER_WIDTHS.get(classifier, DEFAULT_WIDTHS[name]) if name == "unet" else DEFAULT_WIDTHS[name]
    return {"name": name, "widths": list(widths)}


def build_generator(
    spec: Mapping[str, Any], stages: Sequence[int], classes: int, embedding: Tensor | None
) -> MaskGenerator:
    """Build a mask generator.

    Args:
        spec: Generator and channels from coarse to fine, e.g. `{"name": "edge", "widths": [96, 48, 24]}`.
        stages: Channels of the features at strides 4, 8 and 16 and of the last features.
        classes: Number of classes.
        embedding: Start of the class embedding, classes x D; None draws it.

    Raises:
        ValueError: There is no generator of that name.
    """
    if spec["name"] not in GENERATORS:
        raise ValueError(f"unknown generator {spec['name']!r}: choose one of {', '.join(GENERATORS)}")
    return GENERATORS[spec["name"]](stages, classes, widths=tuple(spec["widths"]), embedding=embedding)
