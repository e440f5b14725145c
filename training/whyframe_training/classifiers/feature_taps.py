"""Search for a network's features: the modules that run last at each scale, found by running the network once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeGuard

import torch
from torch import Tensor, nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.networks import ClassifierError

STRIDES = (4, 8, 16)


class Call(NamedTuple):
    """Call of a module.

    Attributes:
        name: Name of the module in the network.
        input_side: Width of its input.
        output_side: Width of its output.
        channels: Number of channels of its output.
    """

    name: str
    input_side: int
    output_side: int
    channels: int


def blank(spec: InputSpec, batch: int = 1) -> Tensor:
    """Return black images of a classifier's input, batch x C x H x W zeros."""
    return torch.zeros(batch, spec.channels, spec.height, spec.width)


def find_taps(module: nn.Module, spec: InputSpec) -> list[Call]:
    """Return the calls whose outputs are the features at strides 4, 8 and 16, and the last features before pooling.

    The features of a stride have `S / stride` cells per side, rounded up or down. Networks without padding have fewer;
    where no module has this size, a factor of up to sqrt(2) is allowed. Of the modules of a scale, the one that runs
    last is taken, except for modules inside a block that reduces the scale.

    Args:
        module: Network from N x C x H x W normalised images to logits, in eval mode.
        spec: The network's input.

    Returns:
        Four calls, of strides 4, 8 and 16 and of the last features.

    Raises:
        ClassifierError: A scale is missing, or no module has an N x C x h x w output.
    """
    side = spec.width
    calls = _calls(module, spec)
    reductions = [call for call in calls if call.output_side < call.input_side]
    features = [c for c in calls if c.output_side > 1 and not any(_is_step_of(c, r) for r in reductions)]
    if not features:
        raise ClassifierError(
            "the classifier has no module with an N x C x h x w output: whyframe explains CNNs"
        )
    coarsest = min(call.output_side for call in features)
    last = [call for call in features if call.output_side == coarsest][-1]
    return [*(_tap_at(features, side, stride) for stride in STRIDES), last]


@contextmanager
def capture(module: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Record the outputs of named modules while the network runs in the context.

    Args:
        module: The network.
        names: Names of the modules.

    Yields:
        Outputs by the name of the module, filled when the network runs.
    """
    outputs: dict[str, Tensor] = {}

    def record(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: outputs.__setitem__(name, output)

    handles = [module.get_submodule(name).register_forward_hook(record(name)) for name in names]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _calls(module: nn.Module, spec: InputSpec) -> list[Call]:
    """Return the calls from feature maps to feature maps, in order; for a module called repeatedly, its last call."""
    calls: dict[str, Call] = {}

    def record(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: Any, output: Any) -> None:
            calls.pop(name, None)
            given = inputs[0] if inputs else None
            if _is_map(given) and _is_map(output):
                calls[name] = Call(name, given.shape[-1], output.shape[-1], output.shape[1])

        return hook

    handles = [m.register_forward_hook(record(name)) for name, m in module.named_modules() if name]
    try:
        with torch.no_grad():
            module(blank(spec))
    finally:
        for handle in handles:
            handle.remove()
    return list(calls.values())


def _is_map(x: Any) -> TypeGuard[Tensor]:
    """Return whether x is 1 x C x h x h; transformers also have outputs of 1 x h x h x C, and of windows."""
    return isinstance(x, Tensor) and x.ndim == 4 and x.shape[0] == 1 and x.shape[-1] == x.shape[-2]


def _is_step_of(call: Call, block: Call) -> bool:
    """Return whether a call is inside a block that reduces the scale, at the scale before the reduction."""
    return call.name.startswith(f"{block.name}.") and _same_scale(call.output_side, block.input_side)


def _same_scale(a: float, b: float) -> bool:
    return max(a, b) ** 2 < 2 * min(a, b) ** 2


def _tap_at(features: list[Call], side: int, stride: int) -> Call:
    exact = [call for call in features if call.output_side in (-(-side // stride), side // stride)]
    near = exact or [call for call in features if _same_scale(call.output_side, side / stride)]
    if near:
        return near[-1]
    sizes = ", ".join(map(str, sorted({call.output_side for call in features}, reverse=True)))
    raise ClassifierError(
        f"no features at stride {stride} (side {side // stride}); the classifier's modules give sides {sizes}: "
        "pass --side with the input side that the network was made for, or use a network with strides 4, 8 and 16"
    )
