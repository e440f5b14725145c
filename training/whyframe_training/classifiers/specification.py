"""Specification of a classifier, and the network that its source gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from whyframe.errors import OptionError
from whyframe.input_spec import COLORS, IMAGENET_MEAN, IMAGENET_STD, InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_training.classifiers.labels import IMAGENET_CLASSES

__all__ = ["ACTIVATIONS", "ASSUMED_LABELS", "ClassifierSpec", "Network", "labels_origin"]

ACTIVATIONS = ("auto", "softmax", "sigmoid", "none")
ASSUMED_LABELS = "assumed to be those of ImageNet-1k"


@dataclass(frozen=True)
class ClassifierSpec:
    """Specification of a classifier and its preprocessing.

    Attributes:
        name: `efficientnet_lite0`, `_lite1` or `_lite2`; `resnet50` or `torchvision:resnet50`; `timm:NAME`; `hf:FOLDER`
            or `hf:OWNER/NAME` of Hugging Face; `my_model.py:build`, a function that returns the network; or a file of
            `torch.export` (`.pt2`).
        weights: Weights file, or `FILE#PLACE` for one of several state dicts in it; `pretrained` for the published
            weights of a named network; `random` for none. A function may load weights itself.
        labels: File of labels, see `read_labels`; None for those of the network, else ImageNet-1k. A named network that
            is not `pretrained` is built with this number of classes.
        mean: Means that the network subtracts, of values in [0, 1] in the order R, G, B, alpha; None for those of the
            network.
        std: Standard deviations that the network divides by, as `mean`; None for those of the network.
        side: Height and width of the input in pixels, as one number or two; None for those of the network.
        channels: Number of channels of the input: 1, 3 or 4; None for that of the network.
        color: Order in which the network takes the channels, see `InputSpec`; None for that of the network.
        resize: Fields of a `ResizeRule` that replace those of the network's own rule.
        taps: Names of the modules whose outputs are the features; None to find them.
        activation: What turns the network's outputs into probabilities: `softmax`; `sigmoid`, where several outputs
            are independent labels; `none` where they are probabilities already; or `auto`, which is softmax for a
            named network and otherwise examines the outputs.
    """

    name: str
    weights: str = "pretrained"
    labels: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    side: int | tuple[int, int] | None = None
    activation: str = "auto"
    channels: int | None = None
    color: str | None = None
    resize: Mapping[str, Any] = field(default_factory=dict)
    taps: tuple[str, ...] | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassifierSpec:
        """Return the specification of JSON values, whose tuples are lists."""
        lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        resize = {k: tuple(v) if isinstance(v, list) else v for k, v in values.get("resize", {}).items()}
        return cls(**{**values, **lists, "resize": resize})

    def input_spec(self, own: InputSpec) -> InputSpec:
        """Return the input of the classifier: that of the network, with what is specified instead.

        Args:
            own: Input that the network itself states.

        Raises:
            OptionError: The values do not go together.
        """
        height, width = (own.height, own.width) if self.side is None else _height_and_width(self.side)
        channels = self.channels or own.channels
        same = channels == own.channels
        plain = IMAGENET_MEAN if channels == 3 else (0.0,) * channels
        scale = IMAGENET_STD if channels == 3 else (1.0,) * channels
        return InputSpec(
            height=height,
            width=width,
            channels=channels,
            color=self.color or (own.color if same else COLORS[channels][0] if channels in COLORS else "rgb"),
            mean=self.mean or (own.mean if same else plain),
            std=self.std or (own.std if same else scale),
            resize=self._resize_rule(own, height, channels),
        )

    @property
    def states_input(self) -> bool:
        """Whether size, resize rule and normalisation are all specified, so that those of the network do not matter."""
        return self.side is not None and bool(self.resize and self.mean and self.std)

    def _resize_rule(self, own: InputSpec, height: int, channels: int) -> ResizeRule:
        """Return the network's own rule with what is specified; its shorter side keeps its ratio to the input."""
        rule = own.resize
        if rule.shorter_side is not None:
            rule = dataclasses.replace(rule, shorter_side=round(rule.shorter_side * height / own.height))
        rule = rule.replaced(self.resize)
        if "premultiplied" in self.resize and channels != 4:
            raise OptionError(
                f"premultiplied goes with an input of 4 channels, not {channels}; give 4 channels, or leave it out."
            )
        return rule


class Network(NamedTuple):
    """A network and its preprocessing.

    Attributes:
        module: Network from N x 3 x S x S normalised images to its own outputs.
        input: Size, channels, normalisation and resize rule of the network's input.
        activation: What turns the outputs into probabilities, see `ClassifierSpec`; known for named networks.
        input_from: Where `input` is stated, such as "the timm config"; empty where it is assumed.
        labels: Labels that the network's source states; None where it states none.
    """

    module: nn.Module
    input: InputSpec = InputSpec()
    activation: str = "auto"
    input_from: str = ""
    labels: tuple[str, ...] | None = None


def labels_origin(spec: ClassifierSpec, network: Network) -> str:
    """Return where the labels of a classifier are stated; `ASSUMED_LABELS` where nothing states them.

    The published labels of an architecture say nothing about weights from a file.

    Args:
        spec: Specification of the classifier.
        network: The network that was built from it.
    """
    if spec.labels is not None:
        return Path(spec.labels).name
    published = bool(network.input_from) and not spec.name.startswith("hf:")
    from_file = spec.weights not in ("pretrained", "random")
    imagenet = network.labels is None or len(network.labels) == IMAGENET_CLASSES
    if (published and from_file and imagenet) or (network.labels is None and not network.input_from):
        return ASSUMED_LABELS
    return network.input_from.partition(",")[0] or "the network's configuration"


def _height_and_width(side: int | tuple[int, int]) -> tuple[int, int]:
    return (side, side) if isinstance(side, int) else (side[0], side[1])
