"""The operations that gave a network's outputs, read from the graph that autograd records."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from whyframe_training.classifiers.outputs import to_tensor

__all__ = ["LastOperations", "last_operations"]

_LINEAR = ("Addmm", "Mm", "Bmm", "Mv", "Baddbmm", "Convolution", "Linear", "AccumulateGrad")
"""Operations at which the search ends."""

_NEUTRAL = (
    "View", "UnsafeView", "Reshape", "Squeeze", "Unsqueeze", "Select", "Slice", "Permute", "Transpose", "T", "Alias",
    "ToCopy", "Clone", "Expand", "Add", "Sub", "Mul", "Div", "Neg", "Cat", "Stack", "Sum", "Mean", "Split", "Unbind",
)  # fmt: skip
"""Operations that leave a linear combination of their inputs, and so no probabilities."""

_MOST_OPERATIONS = 100


class LastOperations(NamedTuple):
    """Operations between a network's last linear layers and its outputs.

    Attributes:
        sigmoid: Whether a sigmoid is among them.
        log_sigmoid: Whether a log-sigmoid is among them.
        linear: Whether the outputs are a linear combination of the last layers' outputs, so not probabilities.
    """

    sigmoid: bool
    log_sigmoid: bool
    linear: bool


def last_operations(network: nn.Module, images: Tensor) -> LastOperations:
    """Run a network once and return the operations that gave its outputs.

    Args:
        network: Network from normalised images to its own outputs.
        images: N x C x H x W normalised images.

    Returns:
        The operations; none of its fields is true where autograd recorded nothing.
    """
    with torch.enable_grad():
        values = to_tensor(network(images.detach().clone().requires_grad_()))
    names = _operations(values.grad_fn)
    nonlinear = [name for name in names if name not in (*_LINEAR, *_NEUTRAL)]
    return LastOperations(
        sigmoid=any(name in ("Sigmoid", "Hardsigmoid") for name in names),
        log_sigmoid="LogSigmoid" in names,
        linear=bool(names) and not nonlinear and any(name in _LINEAR for name in names),
    )


def _operations(last: Any) -> set[str]:
    """Return the names of the operations from the last one back to linear layers, such as `Sigmoid`."""
    names: set[str] = set()
    visited: set[Any] = set()
    pending = [last]
    while pending and len(visited) < _MOST_OPERATIONS:
        node = pending.pop(0)
        if node is None or node in visited:
            continue
        visited.add(node)
        name = type(node).__name__.partition("Backward")[0]
        names.add(name)
        if name not in _LINEAR:
            pending += [following for following, _ in node.next_functions]
    return names
