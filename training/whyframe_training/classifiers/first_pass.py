"""Explanation of an error in a network's first forward pass: what the network expects, and what it was given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from whyframe.errors import one_line
from whyframe_training.classifiers.errors import ClassifierError

__all__ = ["first_pass"]

SIZE = "pass --side with the size that the network was made for"
KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"to have (\d+) channels, but got (\d+) channels",
        "it takes {0} channels and was given {1}: pass --channels {0}",
    ),
    (
        r"Make sure that the channel dimension.*?Expected (\d+) but got (\d+)",
        "it takes {0} channels and was given {1}: pass --channels {0}",
    ),
    (
        r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)",
        "a linear layer takes {1} features and was given {0}: " + SIZE,
    ),
    (
        r"[Ii]nput (?:image )?(?:size|height|width) \(?([\d*]+)\)? doesn't match model \(?([\d*]+)\)?",
        "it takes images of size {1} and was given {0}: " + SIZE,
    ),
    (r"Expected (\d+) but got (\d+)", "it takes images of size {0} and was given {1}: " + SIZE),
    (
        r"Kernel size can't be greater than actual input size",
        "the images are too small for its layers: " + SIZE,
    ),
    (
        r"Output size is too small|Expected more than 1 spatial element",
        "the images are too small for its layers: " + SIZE,
    ),
    (
        r"invalid for input of size (\d+)",
        "it reshapes its features to a fixed size: " + SIZE + ", and keep the batch",
    ),
    (
        r"must match the size of tensor b|Sizes of tensors must match",
        "sizes inside it do not match: " + SIZE,
    ),
    (
        r"Input type|should be the same|have the same dtype|expected scalar type",
        "it mixes precisions: keep the whole network in float32, and leave out .half() and .to(dtype) in forward()",
    ),
    (
        r"same device|different device|No CUDA|Torch not compiled with CUDA|NVIDIA driver",
        "its forward() uses a device by name: take the device of the images instead",
    ),
    (
        r"Expected input at .*to be equal to (\d+), but got (\d+)",
        "it was exported for inputs of fixed size ({0} where {1} was given): pass --side with that size, and export it "
        "with a dynamic batch size",
    ),
    (
        r"missing \d+ required",
        "forward() takes more than the images: return a module whose forward(images) adds the rest",
    ),
    (r"Dynamo|torch\.compile|inductor", "it is compiled: return the network before torch.compile"),
)
"""Patterns in messages of PyTorch, timm, torchvision and Transformers, and what they mean for the user."""


def first_pass(network: nn.Module, images: Tensor, name: str) -> Any:
    """Return the outputs of a network, or explain why it cannot process the images.

    Args:
        network: The network, in eval mode.
        images: N x C x H x W normalised images.
        name: Name of the network for messages.

    Raises:
        ClassifierError: The network raised an error, which is its cause.
    """
    entered: list[tuple[str, nn.Module, Sequence[Any]]] = []
    handles = [
        part.register_forward_pre_hook(
            lambda part, inputs, place=place: entered.append((place, part, inputs))
        )
        for place, part in network.named_modules()
        if place and not isinstance(part, torch.jit.ScriptModule)
    ]
    try:
        with torch.no_grad():
            return network(images)
    except ClassifierError:
        raise
    except Exception as error:  # whatever a network of a user raises
        shape = " x ".join(map(str, images.shape[1:]))
        raise ClassifierError(
            f"{name} cannot process N x {shape} images: {_meaning(error)} ({_place(entered)}"
            f"{type(error).__name__}: {one_line(error, 120)}; --verbose shows the traceback)"
        ) from error
    finally:
        for handle in handles:
            handle.remove()


def _meaning(error: Exception) -> str:
    text = one_line(error, 2000)
    for pattern, meaning in KNOWN:
        match = re.search(pattern, text)
        if match:
            return meaning.format(*match.groups())
    return "pass --side and --channels as the network needs them, or adapt the network"


def _place(entered: list[tuple[str, nn.Module, Sequence[Any]]]) -> str:
    """Return the layer that was entered last, and the shape that it was given."""
    if not entered:
        return ""
    place, part, inputs = entered[-1]
    shapes = [f"{' x '.join(map(str, x.shape))} {str(x.dtype)[6:]}" for x in inputs if isinstance(x, Tensor)]
    return f"last layer {place}, a {type(part).__name__}, given {', '.join(shapes) or 'no tensor'}; "
