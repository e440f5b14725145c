"""Networks of torchvision by name, with the preprocessing and the labels of their published weights."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from torch import Tensor

from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.packages import package
from whyframe_training.classifiers.preprocessing import check_preprocessing, unknown_preprocessing
from whyframe_training.classifiers.specification import ClassifierSpec, Network
from whyframe_training.classifiers.weights import load_state

__all__ = ["build_torchvision", "torchvision_names"]

PREFIX = "torchvision:"
# Their auxiliary branches are needed only to train from scratch. They convert images normalised with ImageNet's mean
# and std to their own normalisation.
BRANCHED = ("googlenet", "inception_v3")


def torchvision_names() -> list[str]:
    """Return the names of torchvision's image classifiers."""
    models = package("torchvision").models
    return list(models.list_models(module=models))


def build_torchvision(spec: ClassifierSpec, classes: int | None, others: list[str]) -> Network:
    """Build a network of `torchvision.models` with the preprocessing and the labels of its default weights.

    Args:
        spec: Specification whose name is `NAME` or `torchvision:NAME`.
        classes: Number of classes of a network that is not pretrained; None for ImageNet's.
        others: Names that are known beside those of torchvision, for messages.

    Raises:
        ClassifierError: The name is unknown, or the weights cannot be downloaded.
    """
    models = package("torchvision").models
    name = spec.name.removeprefix(PREFIX)
    _check_name(name, others)
    default = models.get_model_weights(name).DEFAULT
    extra: dict[str, Any] = {}
    if spec.weights != "pretrained" and classes is not None:
        extra["num_classes"] = classes
    if name in BRANCHED:
        extra |= {"aux_logits": False, "transform_input": True, "init_weights": spec.weights == "random"}
    if name.startswith("vit") and isinstance(spec.side, int):
        extra["image_size"] = spec.side
    try:
        module = models.get_model(name, weights=None, **extra)
    except (ValueError, TypeError) as error:
        raise ClassifierError(f"torchvision cannot build {name} ({error}): give another --side") from error
    if spec.weights == "pretrained":
        load_state(module, _download(name, default))
    labels = tuple(default.meta["categories"]) if classes is None else None
    own = InputSpec() if spec.states_input else _input(default.transforms(), name)
    return Network(module, own, "softmax", f"torchvision's {default}", labels)


def _input(transform: Callable[[Any], Tensor], name: str) -> InputSpec:
    """Return the description of `torchvision.transforms._presets.ImageClassification`."""
    given: Any = transform
    where = f"{name} in torchvision"
    interpolation = given.interpolation.value
    if interpolation not in ("bilinear", "bicubic", "nearest"):
        raise unknown_preprocessing(where, f"its interpolation is {interpolation}")
    rule = ResizeRule(mode="crop", shorter_side=given.resize_size[0], interpolation=interpolation)
    spec = InputSpec.square(given.crop_size[0], mean=given.mean, std=given.std, resize=rule)
    return check_preprocessing(spec, transform, where)


def _download(name: str, weights: Any) -> dict[str, Tensor]:
    """Return the state dict of torchvision weights, from the cache of `torch.hub` or the internet."""
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, HTTPException, RuntimeError) as error:
        raise ClassifierError(
            f"the weights of {name} cannot be downloaded ({error}): download {weights.url} on a machine with "
            "internet access, and pass --weights FILE"
        ) from error


def _check_name(name: str, others: list[str]) -> None:
    known = [*others, *torchvision_names()]
    if name in known:
        return
    near = difflib.get_close_matches(name.lower().replace("-", "_"), known)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    raise ClassifierError(
        f"unknown classifier {name!r}{hint}: choose {', '.join(others)}, a classifier of torchvision.models, "
        "timm:NAME, hf:FOLDER, or my_model.py:build, a function of your own"
    )
