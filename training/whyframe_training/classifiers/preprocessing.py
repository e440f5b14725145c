"""Comparison of a described preprocessing with the function that the model's library applies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whyframe.errors import one_line
from whyframe.input_spec import InputSpec
from whyframe.preprocess import to_input
from whyframe_training.classifiers.errors import ClassifierError

__all__ = ["FLAGS", "check_preprocessing", "unknown_preprocessing"]

FLAGS = "--side, --resize, --mean and --std"
"""Options of the command line that describe a preprocessing."""

SIZES = ((300, 411), (500, 333))
"""Height and width of the images on which both are compared."""

TOLERANCE = 1.0
"""Largest mean difference of pixel values in 0..255; Pillow rounds between its two passes."""


def check_preprocessing(spec: InputSpec, transform: Callable[[Any], Tensor], where: str) -> InputSpec:
    """Return a described input where it gives what a library's own function gives.

    Args:
        spec: The description.
        transform: Function of the library, from a PIL image to the C x H x W input of the network.
        where: What states the preprocessing, for messages.

    Raises:
        ClassifierError: The function fails, or its result differs.
    """
    with torch.device("cpu"):  # also where a network is built on the meta device
        worst = max(_difference(spec, transform, where, *size) for size in SIZES)
    if not worst <= TOLERANCE:
        raise unknown_preprocessing(where, f"it differs from {spec} by {worst:.1f} of 255 on average")
    return spec


def unknown_preprocessing(where: str, reason: str) -> ClassifierError:
    """Return the error of a preprocessing that whyframe cannot express.

    Args:
        where: What states the preprocessing.
        reason: What cannot be expressed.
    """
    return ClassifierError(
        f"the preprocessing of {where} cannot be expressed ({reason}): give all of {FLAGS} to state another one"
    )


def _difference(
    spec: InputSpec, transform: Callable[[Any], Tensor], where: str, height: int, width: int
) -> float:
    """Return the mean difference on an image of noise, in units of pixel values in 0..255."""
    from PIL import Image

    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    try:
        theirs = transform(Image.fromarray(pixels))
    except Exception as error:  # whatever a library raises
        raise unknown_preprocessing(where, f"it fails with {one_line(error, 90)}") from error
    ours = _described(spec, pixels)
    if ours.shape != theirs.shape:
        raise unknown_preprocessing(where, f"it gives {_size(theirs)} and not {_size(ours)}")
    scale = 255 * torch.tensor(_in_order(spec, spec.std)).view(-1, 1, 1)
    return float(((ours - theirs) * scale).abs().mean())


def _described(spec: InputSpec, pixels: np.ndarray[Any, Any]) -> Tensor:
    values = torch.from_numpy(to_input(np.ascontiguousarray(pixels[..., ::-1]), spec)).float() / 255
    normalised = (values - torch.tensor(spec.mean)) / torch.tensor(spec.std)
    image = normalised.permute(2, 0, 1)
    return image.flip(0) if spec.color == "bgr" else image


def _in_order(spec: InputSpec, values: tuple[float, ...]) -> tuple[float, ...]:
    return values[::-1] if spec.color == "bgr" else values


def _size(image: Tensor) -> str:
    return " x ".join(map(str, image.shape))
