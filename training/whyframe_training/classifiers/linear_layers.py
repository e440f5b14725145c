"""The last layer of a classifier as a linear layer with a row for each class."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["as_linear", "for_two_classes"]


def as_linear(layer: nn.Linear | nn.Conv2d) -> nn.Linear | None:
    """Return a 1x1 convolution as the linear layer of each cell; None for other convolutions."""
    if isinstance(layer, nn.Linear):
        return layer
    if layer.kernel_size != (1, 1) or layer.stride != (1, 1) or layer.groups != 1:
        return None
    linear = nn.Linear(layer.in_channels, layer.out_channels, bias=layer.bias is not None).to(layer.weight)
    with torch.no_grad():
        linear.weight.copy_(layer.weight.flatten(1))
        if layer.bias is not None:
            linear.bias.copy_(layer.bias)
    return linear.requires_grad_(False)


def for_two_classes(linear: nn.Linear) -> nn.Linear:
    """Return the layer that gives the two logits of a `LogitAdapter` where a layer gives a single one."""
    both = nn.Linear(linear.in_features, 2, bias=linear.bias is not None).to(linear.weight)
    with torch.no_grad():
        both.weight.copy_(torch.cat((-linear.weight / 2, linear.weight / 2)))
        if linear.bias is not None:
            both.bias.copy_(torch.cat((-linear.bias / 2, linear.bias / 2)))
    return both.requires_grad_(False)
