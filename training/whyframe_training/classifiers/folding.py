"""Folding of a frozen network's batch norms into the convolutions before them, which saves passes over memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.feature_taps import blank


def fold_batch_norms(network: nn.Module, spec: InputSpec) -> nn.Module:
    """Return a copy of a network in which batch norms that directly follow a convolution are folded into it.

    The pairs are found by running the network once, and each is folded where the result is the same: not if the
    convolution standardises its weights, or the norm takes its statistics from the batch. Zero padding by a separate
    module inside a convolution (`same` padding of ported networks) is moved into the convolution if it is symmetric.

    Args:
        network: Network from N x C x H x W images to logits, in eval mode.
        spec: The network's input.

    Returns:
        The folded copy, or the unchanged network itself if folding would alter its output.
    """
    folded = copy.deepcopy(network)
    for norm_name, conv_name in norm_pairs(folded, spec):
        conv, norm = folded.get_submodule(conv_name), folded.get_submodule(norm_name)
        fused, rest = _fuse(conv, norm)  # type: ignore[arg-type]
        if fused is not None:
            folded.set_submodule(conv_name, fused)
            folded.set_submodule(norm_name, rest)
    _absorb_padding(folded)
    return folded if _same_output(network, folded, spec) else network


class FoldedNorm(nn.Identity):
    """What remains of a batch norm that includes an activation, such as those of timm, after it was folded."""

    def __init__(self, drop: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.drop, self.act = drop, act

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of N x C x h x w features."""
        return self.act(self.drop(x))  # type: ignore[no-any-return]


@torch.no_grad()
def _fuse(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[nn.Module | None, nn.Module]:
    """Return a convolution that includes the norm, and what remains of the norm; None where they are not the same."""
    if norm.running_mean is None:
        return None, norm
    drop, act = (getattr(norm, name, None) for name in ("drop", "act"))
    has_act = isinstance(drop, nn.Module) and isinstance(act, nn.Module)
    rest = FoldedNorm(drop, act) if has_act else nn.Identity()  # type: ignore[arg-type]
    fused = fuse_conv_bn_eval(conv, norm)  # type: ignore[arg-type, type-var]
    size = [d * (k - 1) + 5 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
    x = torch.randn(1, conv.in_channels, *size, generator=torch.Generator().manual_seed(0)).to(conv.weight)
    own, other = norm(conv(x)), rest(fused(x))
    same = float((own - other).abs().max()) <= 1e-3 * float(own.abs().max())
    return (fused if same else None), rest


def norm_pairs(network: nn.Module, spec: InputSpec) -> list[tuple[str, str]]:
    """Return the pairs of batch norm and convolution in which the norm's input is the convolution's output.

    Args:
        network: Network from N x C x H x W images to logits, in eval mode.
        spec: The network's input.

    Returns:
        (batch norm, convolution) names of modules that run once each.
    """
    producer: dict[int, str] = {}
    calls: dict[str, int] = {}
    outputs: list[Tensor] = []  # kept alive, so that the id of a tensor is not reused
    pairs: list[tuple[str, str]] = []

    def after(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            calls[name] = calls.get(name, 0) + 1
            if isinstance(module, nn.Conv2d):
                producer[id(output)] = name
                outputs.append(output)
            elif id(inputs[0]) in producer:
                pairs.append((name, producer[id(inputs[0])]))

        return hook

    watched = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    handles = [m.register_forward_hook(after(n)) for n, m in watched]
    try:
        with torch.no_grad():
            network(blank(spec))
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


def _same_output(network: nn.Module, folded: nn.Module, spec: InputSpec) -> bool:
    probe = torch.rand(blank(spec, 2).shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        own, other = network(probe), folded(probe)
    # Relative to the logits, because those of untrained networks may be very large or near zero.
    return float((own - other).abs().max()) <= 1e-3 * float(own.abs().max())
