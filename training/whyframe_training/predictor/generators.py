"""Mask generators: a feature filter for the class, then a decoder from the last features to the finest ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whyframe_training.predictor.scales import fit_widths, grouped


class GeneratorOutput(NamedTuple):
    """Result of a mask generator.

    Attributes:
        logit_map: N x h x w mask logits at the size of the finest features times the generator's `upsample`, float32.
        activation: N x 1 x h x w activation of the feature filter, at the size of the last features.
    """

    logit_map: Tensor
    activation: Tensor


class FeatureFilter(nn.Module):
    """Attenuation of the features at places that do not belong to the class (Fu et al. 2022, Eq. 12).

    `Y = X * sigmoid(a)` with `a = gain * <X, C_s> + offset`. The embedding C may be a copy of the classifier's last
    linear layer, whose products are logits; the scalars gain and offset bring these into the range of the sigmoid.

    Args:
        classes: Number of classes.
        channels: D, number of channels of the last features.
        embedding: Start of the embedding, classes x D; None draws it from a normal distribution
            with standard deviation `D ** -0.5`.
    """

    def __init__(self, classes: int, channels: int, embedding: Tensor | None = None) -> None:
        super().__init__()
        start = torch.randn(classes, channels) * channels**-0.5 if embedding is None else embedding.clone()
        self.embedding = nn.Parameter(start.float())
        self.gain = nn.Parameter(torch.tensor(1.0))
        self.offset = nn.Parameter(torch.tensor(0.0))

    def forward(self, features: Tensor, class_id: Tensor) -> tuple[Tensor, Tensor]:
        """Return the filtered features, N x D x h x w, and the activation a, N x 1 x h x w.

        Args:
            features: N x D x h x w last features.
            class_id: N class ids.
        """
        embedding = F.embedding(class_id, self.embedding).to(features.dtype)
        n, _, height, width = features.shape
        product = torch.bmm(embedding[:, None], features.flatten(2)).view(n, 1, height, width)
        # The gain is applied after the product, so that an exported file stores an embedding that equals the
        # classifier's last layer only once.
        activation = self.gain.to(features.dtype) * product + self.offset.to(features.dtype)
        return features * torch.sigmoid(activation), activation


def conv_bn(inputs: int, outputs: int, kernel: int, groups: int = 1) -> nn.Sequential:
    """Return a convolution with batch normalisation, which is folded into it at export."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class EdgeGenerator(nn.Module):
    """A generator for small CPUs.

    Each scale has a 1x1 reduction of the features, added to the enlarged coarser scale (nearest neighbour), and a 3x3
    convolution. The upsampled activation of the filter is added to the decoder's logits, so the decoder learns only
    how the mask differs from the classifier's own coarse map.

    Args:
        stages: Channels of the features from fine to coarse, and of the last features.
        classes: Number of classes.
        widths: Channels at the decoder's scales, coarse to fine, see `fit_widths`.
        embedding: Start of the class embedding, see `FeatureFilter`.
        groups: Number of stages in each scale, see `scale_groups`; by default each stage but the last has its own.
    """

    name = "edge"

    def __init__(
        self,
        stages: Sequence[int],
        classes: int,
        widths: Sequence[int] = (128, 64, 32),
        embedding: Tensor | None = None,
        groups: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        *finer, last = stages
        self.groups = tuple(groups or (1,) * len(finer) or (0,))
        self.widths = w = fit_widths(widths, len(self.groups))
        self.filter = FeatureFilter(classes, last, embedding)
        self.reduce = conv_bn(last, w[0], 1)
        by_scale = zip(grouped(finer[::-1], self.groups), w, strict=True)
        self.lateral = nn.ModuleList([conv_bn(skip, width, 1) for skips, width in by_scale for skip in skips])
        self.mix = nn.ModuleList([conv_bn(a, b, 3) for a, b in pairwise(w)])
        # The ranking of pixels depends on fine detail, hence two separable convolutions at the finest scale. A dense
        # 3x3 convolution to a single channel would cost as much as to 16, because runtimes pad the output channels to
        # the width of a vector.
        c = w[-1]
        self.head = nn.Sequential(
            conv_bn(c, c, 3, groups=c), nn.ReLU(), conv_bn(c, c, 1), nn.ReLU(),
            conv_bn(c, c, 3, groups=c), nn.ReLU(), nn.Conv2d(c, 1, 1),
        )  # fmt: skip
        self.skip = nn.Parameter(torch.tensor(1.0))

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> GeneratorOutput:
        """Return the mask logits of the classes.

        Args:
            stages: Features from fine to coarse and the last features, N x C x h x w each.
            class_id: N class ids.
        """
        *finer, last = stages
        filtered, activation = self.filter(last, class_id)
        x = self.reduce(filtered)
        skips = list(zip(finer[::-1], self.lateral, strict=True))
        for index, scale in enumerate(grouped(skips, self.groups)):
            if index:
                x = F.relu(self.mix[index - 1](x))
            if scale:
                x = enlarge(x, scale[0][0].shape[-2:])
                x = F.relu(sum((lateral(features) for features, lateral in scale), x))
            else:
                x = double(x) if index else F.relu(x)
        coarse_map = enlarge(activation.float(), x.shape[-2:], "bilinear")
        return GeneratorOutput((self.head(x).float() + self.skip * coarse_map).squeeze(1), activation)


def enlarge(x: Tensor, size: Sequence[int], mode: str = "nearest") -> Tensor:
    """Resize N x C x h x w features to a height and width.

    Args:
        x: N x C x h x w.
        size: Height and width. An integer factor of h and w is exported as a constant scale.
        mode: Interpolation of `torch.nn.functional.interpolate`.
    """
    height, width = size
    if x.shape[-2:] == (height, width):
        return x
    factor = height // x.shape[-2]
    if (factor * x.shape[-2], factor * x.shape[-1]) == (height, width):
        return F.interpolate(x, scale_factor=float(factor), mode=mode)
    return F.interpolate(x, size=(height, width), mode=mode)


def double(x: Tensor) -> Tensor:
    """Return N x C x h x w features at twice the height and width (nearest neighbour)."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Bottleneck(nn.Module):
    """Residual bottleneck of 1x1, 3x3 and 1x1 convolutions with a 1x1 shortcut (Fu et al. 2022, section 3.1)."""

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
        """Return N x outputs x h x w features of N x inputs x h x w features."""
        return F.relu(self.body(x) + self.shortcut(x))


class UpBlock(nn.Module):
    """Transposed convolution to the scale of the skip connections, concatenation with them, and a bottleneck."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.mix = Bottleneck(outputs + skip, outputs)

    def forward(self, x: Tensor, *skips: Tensor) -> Tensor:
        """Return the features at the size of the skip connections, or at twice the size, N x outputs x h x w.

        Args:
            x: N x inputs features, usually at half that size.
            skips: Features of the same size with `skip` channels in all; there may be none.
        """
        x = F.relu(self.norm(self.up(x)))
        if skips:  # sides such as 260 do not double evenly
            x = enlarge(x, skips[0].shape[-2:])
        return self.mix(torch.cat([x, *skips], dim=1))


class UNetGenerator(nn.Module):
    """The generator of Fu et al. (2022): U-Net blocks with bottlenecks from the last features to the finest ones.

    Args:
        stages: Channels of the features from fine to coarse, and of the last features.
        classes: Number of classes.
        widths: Channels of the blocks, coarse to fine (Fu et al. 2022, appendix A.3), see `fit_widths`.
        embedding: Start of the class embedding, see `FeatureFilter`.
        groups: Number of stages in each scale, see `scale_groups`; by default each stage but the last has its own.
    """

    name = "unet"

    def __init__(
        self,
        stages: Sequence[int],
        classes: int,
        widths: Sequence[int] = (256, 128, 64),
        embedding: Tensor | None = None,
        groups: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        *finer, last = stages
        given = tuple(groups or (1,) * len(finer) or (0,))
        self.groups = (
            given if given[0] else given[1:]
        )  # each block enlarges, so none stays at the last features' scale
        self.widths = fit_widths(widths, len(self.groups))
        self.filter = FeatureFilter(classes, last, embedding)
        skips = [sum(scale) for scale in grouped(finer[::-1], self.groups)]
        inputs = (last, *self.widths)
        self.blocks = nn.ModuleList(map(UpBlock, inputs, skips, self.widths))
        self.head = nn.Conv2d(inputs[-1], 1, 3, padding=1)

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> GeneratorOutput:
        """Return the mask logits of the classes.

        Args:
            stages: Features from fine to coarse and the last features, N x C x h x w each.
            class_id: N class ids.
        """
        *finer, last = stages
        x, activation = self.filter(last, class_id)
        for block, skips in zip(self.blocks, grouped(finer[::-1], self.groups), strict=True):
            x = block(x, *skips)
        return GeneratorOutput(self.head(x).float().squeeze(1), activation)


MaskGenerator = EdgeGenerator | UNetGenerator
GENERATORS: dict[str, Callable[..., MaskGenerator]] = {"edge": EdgeGenerator, "unet": UNetGenerator}
DEFAULT_WIDTHS = {"edge": [128, 64, 32], "unet": [256, 128, 64]}
PAPER_WIDTHS = {"resnet50": [256, 128, 64], "vgg19": [256, 128, 64], "googlenet": [416, 240, 96]}
"""Channels of the U-Net generator by network (Fu et al. 2022, appendix A.3)."""


def default_generator(classifier: str, name: str | None = None) -> dict[str, Any]:
    """Return the default generator of a classifier, or its default channels for a given generator.

    Args:
        classifier: Name of the classifier.
        name: "edge" or "unet"; None takes "unet" for the networks in `PAPER_WIDTHS`, and "edge" for all others.

    Returns:
        Generator and channels, as `build_generator` takes them.
    """
    name = name or ("unet" if classifier in PAPER_WIDTHS else "edge")
    widths = PAPER_WIDTHS.get(classifier, DEFAULT_WIDTHS[name]) if name == "unet" else DEFAULT_WIDTHS[name]
    return {"name": name, "widths": list(widths)}


def build_generator(
    spec: Mapping[str, Any],
    stages: Sequence[int],
    classes: int,
    embedding: Tensor | None,
    groups: Sequence[int] | None = None,
) -> MaskGenerator:
    """Build a mask generator.

    Args:
        spec: Generator and channels from coarse to fine, e.g. `{"name": "edge", "widths": [96, 48, 24]}`.
        stages: Channels of the features from fine to coarse, and of the last features.
        classes: Number of classes.
        embedding: Start of the class embedding, classes x D; None draws it.
        groups: Number of stages in each scale, see `scale_groups`; None: each stage but the last has its own.

    Raises:
        ValueError: There is no generator of that name.
    """
    if spec["name"] not in GENERATORS:
        raise ValueError(f"unknown generator {spec['name']!r}: choose {', '.join(GENERATORS)}")
    build = GENERATORS[spec["name"]]
    return build(stages, classes, widths=tuple(spec["widths"]), embedding=embedding, groups=groups)
