"""Batch norms of a frozen network folded into the convolutions before them: fewer passes over memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module, side: int) -> nn.Module:
    """A copy of an eval-mode network with every batch norm that directly follows a convolution folded into it.

    The pairs are found by running the network once. Zero padding done by a module of its own inside a
    convolution (`same` padding of ported networks) is moved into the convolution where it is symmetric.

    Args:
        network: N x 3 x S x S to logits, in eval mode.
        side: S.

    Returns:
        The folded copy; the network itself, unchanged, where folding would alter its output.
    """
    folded = copy.deepcopy(network)
    for norm_name, conv_name in norm_pairs(folded, side):
        conv, norm = folded.get_submodule(conv_name), folded.get_submodule(norm_name)
        folded.set_submodule(conv_name, fuse_conv_bn_eval(conv, norm))  # type: ignore[arg-type, type-var]
        folded.set_submodule(norm_name, nn.Identity())
    _absorb_padding(folded)
    return folded if _same_output(network, folded, side) else network


def norm_pairs(network: nn.Module, side: int) -> list[tuple[str, str]]:
    """(batch norm, convolution) names where the norm's input is the convolution's output object itself."""
    producer: dict[int, str] = {}
    calls: dict[str, int] = {}
    kept: list[Tensor] = []  # keeps outputs alive, so that an id names one tensor
    pairs: list[tuple[str, str]] = []

    def after(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            calls[name] = calls.get(name, 0) + 1
            if isinstance(module, nn.Conv2d):
                producer[id(output)] = name
                kept.append(output)
            elif id(inputs[0]) in producer:
                pairs.append((name, producer[id(inputs[0])]))

        return hook

    watched = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    handles = [m.register_forward_hook(after(n)) for n, m in watched]
    try:
        with torch.no_grad():
            network(torch.zeros(1, 3, side, side))
    finally:
        for handle in handles:
            handle.remove()
    return [(norm, conv) for norm, conv in pairs if calls[norm] == 1 and calls[conv] == 1]


def _absorb_padding(network: nn.Module) -> None:
    for module in network.modules():
        padding = getattr(module, "static_padding", None)
        if isinstance(module, nn.Conv2d) and isinstance(padding, nn.ZeroPad2d):
            left, right, top, bottom = padding.padding
            if left == right and top == bottom and module.padding == (0, 0):
                module.padding = (top, left)
                module.static_padding = nn.Identity()


def _same_output(network: nn.Module, folded: nn.Module, side: int) -> bool:
    probe = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        own, other = network(probe), folded(probe)
    # Relative to the logits: untrained networks may have huge ones, or ones near zero.
    return float((own - other).abs().max()) <= 1e-3 * float(own.abs().max())
