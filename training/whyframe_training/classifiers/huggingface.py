"""Networks of Hugging Face, from a folder or a repository, with the labels and the preprocessing in its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from whyframe.errors import OptionError, one_line
from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_training.classifiers.errors import ClassifierError, listing
from whyframe_training.classifiers.packages import package
from whyframe_training.classifiers.preprocessing import FLAGS, check_preprocessing, unknown_preprocessing
from whyframe_training.classifiers.specification import ClassifierSpec, Network

__all__ = ["build_huggingface", "labels_of_config"]

PREFIX = "hf:"
INTERPOLATIONS = {0: "nearest", 2: "bilinear", 3: "bicubic"}
"""Names of Pillow's filters by their number."""


class LogitsOnly(nn.Module):
    """A model of Hugging Face as a function from images to logits.

    Args:
        model: The model, whose first argument is `pixel_values`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Return the N x classes logits of N x C x H x W normalised images."""
        return self.model(pixel_values=images).logits


def build_huggingface(spec: ClassifierSpec, classes: int | None) -> Network:
    """Build a network of Hugging Face.

    Args:
        spec: Specification whose name is `hf:FOLDER` or `hf:OWNER/NAME`.
        classes: Number of classes of a network that is not pretrained; None for that of its configuration.

    Raises:
        ClassifierError: Transformers is not installed, the files are missing or damaged, the model is not a classifier
            of images, some weights are missing, or the preprocessing cannot be expressed.
    """
    transformers = package("transformers", "transformers")
    place = spec.name.removeprefix(PREFIX)
    config = _config(transformers, place)
    if spec.weights != "pretrained" and classes is not None and classes != config.num_labels:
        config.num_labels = classes
    model = _model(transformers, place, config, pretrained=spec.weights == "pretrained")
    own = InputSpec() if spec.states_input else _input(transformers, place)
    labels = labels_of_config(config) if classes is None else None
    source = f"the image processor of {place}"
    return Network(LogitsOnly(model), own, _activation(config, spec), source, labels)


def labels_of_config(config: Any) -> tuple[str, ...] | None:
    """Return the labels of a model's configuration; None where they are its placeholders `LABEL_0`, `LABEL_1`, ..."""
    names = [config.id2label[index] for index in sorted(config.id2label)]
    placeholders = [f"LABEL_{index}" for index in range(len(names))]
    return None if names == placeholders else tuple(map(str, names))


def _config(transformers: Any, place: str) -> Any:
    folder = Path(place)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ClassifierError(f"{place} has no config.json: give a folder that save_pretrained wrote")
    if not folder.is_dir() and (folder.is_absolute() or place.startswith(".") or place.count("/") > 1):
        raise ClassifierError(
            f"no such folder {place}: hf: takes a folder that save_pretrained wrote, or OWNER/NAME"
        )
    try:
        config = transformers.AutoConfig.from_pretrained(place)
    except Exception as error:  # a download or a damaged file can raise anything
        raise ClassifierError(_unreadable("configuration", place, error)) from error
    if type(config) not in transformers.AutoModelForImageClassification._model_mapping:
        raise ClassifierError(
            f"{place} is a {config.model_type} model, which has no image classifier: give a model whose class is "
            "...ForImageClassification"
        )
    return config


def _unreadable(what: str, place: str, error: Exception) -> str:
    reason = f"{type(error).__name__}: {one_line(error, 110)}"
    if Path(place).is_dir():
        return f"the {what} in {place} cannot be read ({reason}): save it again with save_pretrained"
    return (
        f"the {what} of {place} cannot be downloaded ({reason}): on a machine with internet access run "
        f"`hf download {place} --local-dir FOLDER`, and give hf:FOLDER"
    )


def _model(transformers: Any, place: str, config: Any, *, pretrained: bool) -> nn.Module:
    auto = transformers.AutoModelForImageClassification
    transformers.utils.logging.disable_progress_bar()
    try:
        if not pretrained:
            return auto.from_config(config)
        model, info = auto.from_pretrained(
            place, config=config, output_loading_info=True, dtype=torch.float32, low_cpu_mem_usage=False
        )
    except Exception as error:  # a download or a damaged file can raise anything
        raise ClassifierError(_unreadable("model", place, error)) from error
    missing = sorted(map(str, (*info["missing_keys"], *info["mismatched_keys"])))
    if missing:
        raise ClassifierError(
            f"the weights of {place} lack {listing(missing)}, which would be random: give a model that was fine-tuned "
            "as an image classifier"
        )
    return model


def _activation(config: Any, spec: ClassifierSpec) -> str:
    """Return the activation that Transformers' own pipeline applies."""
    if config.problem_type == "regression":
        raise ClassifierError(f"{spec.name} is a regression model: whyframe explains classifiers")
    single = config.num_labels == 1
    return "sigmoid" if single or config.problem_type == "multi_label_classification" else "softmax"


def _input(transformers: Any, place: str) -> InputSpec:
    where = f"the image processor of {place}"
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(place)
    except Exception as error:  # missing, damaged, or of an unknown class
        raise ClassifierError(
            f"{place} has no readable preprocessor_config.json ({one_line(error, 90)}): add it, or state the "
            f"preprocessing with all of {FLAGS}"
        ) from error
    try:
        spec = _described(processor, where)
    except (OptionError, TypeError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise unknown_preprocessing(where, one_line(error)) from error
    return check_preprocessing(
        spec, lambda image: processor(image, return_tensors="pt")["pixel_values"][0], where
    )


def _described(processor: Any, where: str) -> InputSpec:
    """Return the description of an image processor's attributes; the comparison shows whether it is complete."""
    resample = INTERPOLATIONS.get(int(processor.resample))
    if resample is None:
        raise unknown_preprocessing(where, f"its resample is {processor.resample}")
    if not processor.do_resize:
        raise unknown_preprocessing(where, "it does not resize")
    height, width, rule = _geometry(processor, resample, where)
    mean, std = _normalisation(processor)
    flipped = bool(getattr(processor, "do_flip_channel_order", False))
    if flipped:
        mean, std = mean[::-1], std[::-1]
    color = "bgr" if flipped else "rgb"
    return InputSpec(height=height, width=width, color=color, mean=mean, std=std, resize=rule)


def _geometry(processor: Any, resample: str, where: str) -> tuple[int, int, ResizeRule]:
    size = _values(processor.size)
    crop = (
        _values(getattr(processor, "crop_size", None)) if getattr(processor, "do_center_crop", False) else {}
    )
    part = getattr(processor, "crop_pct", None)
    shorter = size.get("shortest_edge")
    if part is not None and shorter is not None and not crop:  # ConvNeXT
        if shorter >= 384:
            return shorter, shorter, ResizeRule(interpolation=resample)
        return shorter, shorter, _crop(int(shorter / part), resample)
    if shorter is not None and crop and "longest_edge" not in size:
        if "Levit" in type(processor).__name__:
            shorter = int(256 / 224 * shorter)
        return crop["height"], crop["width"], _crop(int(shorter / (part or 1)), resample)
    if {"height", "width"} <= size.keys() and (not crop or crop == size):
        return size["height"], size["width"], ResizeRule(interpolation=resample)
    if {"height", "width"} <= size.keys() and size["height"] == size["width"]:  # DeiT
        rule = ResizeRule(mode="squash", shorter_side=size["height"], interpolation=resample, offset="floor")
        return crop["height"], crop["width"], rule
    raise unknown_preprocessing(where, f"its size is {size} and its crop {crop or 'none'}")


def _crop(shorter: int, resample: str) -> ResizeRule:
    return ResizeRule(mode="crop", shorter_side=shorter, interpolation=resample, offset="floor")


def _values(size: Any) -> dict[str, int]:
    """Return the entries of a size that are set."""
    return {} if size is None else {key: int(value) for key, value in dict(size).items() if value is not None}


def _normalisation(processor: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of values in [0, 1], whatever the processor rescales by.

    EfficientNet's processor may subtract 1 after the rescaling, and divide by the standard deviation twice.
    """
    scale = 255 * processor.rescale_factor if processor.do_rescale else 255.0
    shift = float(processor.do_rescale and getattr(processor, "rescale_offset", False))
    mean = tuple(processor.image_mean) if processor.do_normalize else (0.0,) * 3
    std = tuple(processor.image_std) if processor.do_normalize else (1.0,) * 3
    again = processor.image_std if getattr(processor, "include_top", False) else (1.0,) * 3
    return (
        tuple((value + shift) / scale for value in mean),
        tuple(value * second / scale for value, second in zip(std, again, strict=True)),
    )
