"""Where a network's features are: the modules that run last at each scale, found by running it once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeGuard

import torch
from torch import Tensor, nn

from whyframe_training.classifiers.networks import ClassifierError

STRIDES = (4, 8, 16)


class Call(NamedTuple):
    """One module's call: its name, the sides of its input and output, its output's channels."""

    name: str
    input_side: int
    output_side: int
    channels: int


def find_taps(module: nn.Module, side: int) -> list[Call]:
    """The modules whose outputs are the features at strides 4, 8 and 16, and the last ones before pooling.

    A stride's features have S / stride cells a side, rounded up or down; networks without padding have fewer, so
    where there are none, a factor of up to sqrt(2) is allowed. Of the modules at such a scale the one that runs last
    is taken, steps inside a block that leaves the scale set aside.

    Args:
        module: N x 3 x S x S to logits, in eval mode.
        side: S.

    Raises:
        ClassifierError: a scale is missing, or there are no N x C x h x w outputs.
    """
    calls = _calls(module, side)
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
    """Collects the outputs of named modules while the network runs in the context."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: seen.__setitem__(name, output)

    handles = [module.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _calls(module: nn.Module, side: int) -> list[Call]:
    """Calls from feature maps to feature maps in order; of a module that is called more than once, the last."""
    calls: dict[str, Call] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: Any, output: Any) -> None:
            calls.pop(name, None)
            given = inputs[0] if inputs else None
            if _is_map(given) and _is_map(output):
                calls[name] = Call(name, given.shape[-1], output.shape[-1], output.shape[1])

        return hook

    handles = [m.register_forward_hook(note(name)) for name, m in module.named_modules() if name]
    try:
        with torch.no_grad():
            module(torch.zeros(1, 3, side, side))
    finally:
        for handle in handles:
            handle.remove()
    return list(calls.values())


def _is_map(x: Any) -> TypeGuard[Tensor]:
    """Whether this is 1 x C x h x h: transformers pass 1 x h x h x C or windows on, too."""
    return isinstance(x, Tensor) and x.ndim == 4 and x.shape[0] == 1 and x.shape[-1] == x.shape[-2]


def _is_step_of(call: Call, block: Call) -> bool:
    """Whether a call is an inner step of a block that reduces, at the scale that the block leaves."""
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
        f"pass --side with the input side that the network was made for, or use one with strides 4, 8 and 16"
    )
