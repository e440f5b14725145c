"""Networks of timm by name, with the preprocessing and the labels that their configuration states."""

from __future__ import annotations

import difflib
import math
from typing import Any

import torch
from torch import nn

from whyframe.errors import OptionError, one_line
from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.packages import package
from whyframe_training.classifiers.preprocessing import check_preprocessing, unknown_preprocessing
from whyframe_training.classifiers.specification import ClassifierSpec, Network

__all__ = ["build_timm", "timm_input", "timm_labels"]

PREFIX = "timm:"
HUB = ("hf_hub:", "hf-hub:", "local-dir:")


def build_timm(spec: ClassifierSpec, classes: int | None) -> Network:
    """Build a network of timm.

    Args:
        spec: Specification whose name is `timm:NAME`; timm's own `hf-hub:` and `local-dir:` names are passed on.
        classes: Number of classes of a network that is not pretrained; None for that of its configuration.

    Raises:
        ClassifierError: The package timm is missing, the name is unknown, the weights cannot be downloaded, or the
            preprocessing cannot be expressed.
    """
    timm = package("timm", "timm")
    name = spec.name.removeprefix(PREFIX)
    if not name.startswith(HUB):
        _check_name(timm, name)
    pretrained = spec.weights == "pretrained"
    options: dict[str, Any] = {} if pretrained or classes is None else {"num_classes": classes}
    if spec.channels is not None:
        options["in_chans"] = spec.channels
    module = _create(timm, name, pretrained, options, spec.side)
    if module.num_classes == 0:
        raise ClassifierError(
            f"{spec.name} has no classes, only features: give --labels, and the --weights of a network fine-tuned on "
            "them"
        )
    own = InputSpec() if spec.states_input else timm_input(module, spec.name)
    return Network(module, own, "softmax", f"timm's configuration of {name}", timm_labels(module))


def timm_input(module: nn.Module, name: str) -> InputSpec:
    """Return the input that the configuration of a timm network states, as `timm.data.create_transform` applies it.

    Args:
        module: The network.
        name: Its name for messages.

    Raises:
        ClassifierError: The preprocessing cannot be expressed.
    """
    data = package("timm", "timm").data
    config = data.resolve_data_config({}, model=module)
    _, height, width = config["input_size"]
    where = f"{name} in timm"
    rule = _rule(config, height, width, where)
    try:
        mean, std = tuple(config["mean"]), tuple(config["std"])
        spec = InputSpec(height=height, width=width, mean=mean, std=std, resize=rule)
    except OptionError as error:
        raise unknown_preprocessing(where, one_line(error)) from error
    with torch.device("cpu"):  # also where a network is built on the meta device
        transform = data.create_transform(**config, is_training=False)
    return check_preprocessing(spec, transform, where)


def timm_labels(module: nn.Module) -> tuple[str, ...] | None:
    """Return the labels that the configuration of a timm network states, if they are as many as its classes."""
    config: Any = module.pretrained_cfg
    classes: Any = module.num_classes
    names = config.get("label_names")
    if names and len(names) == classes:
        return tuple(map(str, names))
    if config.get("num_classes") != classes:
        return None
    data = package("timm", "timm").data
    subset = data.infer_imagenet_subset(module)
    if subset is None:
        return None
    info = data.ImageNetInfo(subset)
    return tuple(info.index_to_description(index) for index in range(classes))


def _check_name(timm: Any, name: str) -> None:
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture.lower().replace("-", "_"), timm.list_models())
        hint = f" (did you mean timm:{' or timm:'.join(near)}?)" if near else ""
        raise ClassifierError(
            f"timm has no model {architecture!r}{hint}: choose a name of timm.list_models()"
        )
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise ClassifierError(f"timm has no weights {name!r}: its tags are {', '.join(tags) or 'none'}")


def _create(
    timm: Any, name: str, pretrained: bool, options: dict[str, Any], side: int | tuple[int, int] | None
) -> nn.Module:
    """Create the network, for another input size where its architecture depends on it."""
    sized = options if side is None else {**options, "img_size": side}
    try:
        return timm.create_model(name, pretrained=pretrained, **sized)
    except TypeError as error:
        if sized is not options and "img_size" in str(error):  # the network takes any size
            return _create(timm, name, pretrained, options, None)
        raise ClassifierError(_failure(name, error, pretrained=False)) from error
    except Exception as error:  # a download can raise anything
        raise ClassifierError(_failure(name, error, pretrained=pretrained)) from error


def _failure(name: str, error: Exception, *, pretrained: bool) -> str:
    reason = one_line(error, 120)
    if not pretrained:
        return f"timm cannot build {name}: {reason}"
    return (
        f"the weights of timm:{name} cannot be loaded ({type(error).__name__}: {reason}): download them on a machine "
        "with internet access, and pass --weights FILE"
    )


def _rule(config: dict[str, Any], height: int, width: int, where: str) -> ResizeRule:
    """Return the rule that `timm.data.transforms_imagenet_eval` applies."""
    mode, part = config["crop_mode"], config["crop_pct"]
    interpolation = config["interpolation"]
    if interpolation not in ("bilinear", "bicubic", "lanczos", "nearest"):
        raise unknown_preprocessing(where, f"its interpolation is {interpolation}")
    scaled = [math.floor(size / part) for size in (height, width)]
    if mode == "squash" and scaled == [height, width]:
        return ResizeRule(mode="stretch", interpolation=interpolation)
    if mode == "squash" and height == width:
        return ResizeRule(mode="squash", shorter_side=scaled[0], interpolation=interpolation)
    if mode == "border" and scaled == [height, width]:
        r, g, b = (round(255 * value) for value in config["mean"])
        return ResizeRule(mode="letterbox", interpolation=interpolation, fill=(r, g, b))
    if mode == "center" and height == width:
        return ResizeRule(mode="crop", shorter_side=scaled[0], interpolation=interpolation)
    raise unknown_preprocessing(where, f"crop mode {mode}, crop {part} and {height} x {width}")
