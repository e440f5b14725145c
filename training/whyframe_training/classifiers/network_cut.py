"""The last place at which a network can be cut in two: features that alone determine the logits, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from whyframe_training.classifiers.cell_layout import find_layout
from whyframe_training.classifiers.networks import ClassifierError

MAXIMUM_TRIALS = 100
"""Largest number of calls that are examined, from the last call backwards; each costs up to three forward passes."""

TOLERANCE = 1e-4
"""Largest difference of the logits, relative to their size, that counts as equal."""

INFLUENCE = 1e-6
"""Smallest difference of the logits, relative to their size, that counts as an influence of the cells."""


class Cut(NamedTuple):
    """Call of a module whose output determines the logits.

    Attributes:
        name: Name of the module in the network.
        call: Number of the call in a forward pass, from 0; some modules are called several times.
        layout: `"map"` (N x C x h x w), `"map_last"` (N x h x w x C) or `"tokens"` (N x T x C).
        height: h, number of rows of cells.
        width: w, number of columns of cells.
        extra: Number of class and register tokens before the patch tokens; 0 for maps.
        batch_of_input: Whether the network reads its batch size from its input, so that the input of `resume` needs as
            many images as there are features.
        before: Names of the modules that run before the call only, with the shape of their outputs for an image; they
            are not run by `resume`.
    """

    name: str
    call: int
    layout: str
    height: int
    width: int
    extra: int = 0
    batch_of_input: bool = False
    before: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def spread(self, weights: Tensor) -> Tensor:
        """Return weights of the cells in a shape that multiplies the features of one image.

        Args:
            weights: K x h x w weights of the cells.

        Returns:
            K x 1 x h x w, K x h x w x 1 or K x T x 1, by the layout; the weight of extra tokens is 1.
        """
        if self.layout == "map":
            return weights[:, None]
        if self.layout == "map_last":
            return weights[..., None]
        return torch.cat((weights.new_ones(len(weights), self.extra), weights.flatten(1)), dim=1)[..., None]


class _Call(NamedTuple):
    """Call of a module: its name, its number for this module, its features, and whether it returns these alone."""

    name: str
    number: int
    features: Tensor
    returns_tensor: bool


def find_cut(module: nn.Module, images: Tensor) -> Cut:
    """Return the last call of a network that separates it in two, found by running the network.

    The output of the call must determine the logits (there is no other path around it), and its cells must have an
    influence on them. After the last block of a transformer with a class token, for example, the patch tokens have
    none, so the cut is before this block.

    Args:
        module: Network from images to N x classes logits, in eval mode.
        images: 2 x C x H x W different images, normalised.

    Raises:
        ClassifierError: No call has both properties.
    """
    with torch.no_grad():
        calls, logits = _record_calls(module, images)
        candidates = (
            (Cut(call.name, call.number, *layout, before=_before(calls, position)), call.features)
            for position, call in reversed(list(enumerate(calls)))
            if (layout := find_layout(call.features, (images.shape[-2], images.shape[-1])))
        )
        for candidate, features in islice(candidates, MAXIMUM_TRIALS):
            cut = _checked(module, candidate, features, logits, images)
            if cut is not None:
                return cut
    raise ClassifierError(
        "no module's output alone determines the logits, so the network cannot be resumed from features: "
        "train a mask predictor with `whyframe train`"
    )


@contextmanager
def capture_cut(module: nn.Module, cut: Cut) -> Iterator[list[Tensor]]:
    """Record the features at a cut while the network runs in the context.

    Args:
        module: The network.
        cut: The cut.

    Yields:
        A list, which holds the features when the network has run.
    """
    found: list[Tensor] = []

    def keep(output: Any) -> Any:
        found.append(_tensor(output))
        return output

    with _hooked(module, cut, keep):
        yield found


def resume(module: nn.Module, cut: Cut, features: Tensor, image: Tensor) -> Tensor:
    """Return the logits of a network for given features at a cut.

    What runs before the cut has no influence on the result: an exported graph does not contain it.

    Args:
        module: The network.
        cut: The cut.
        features: M features, in the layout of the cut.
        image: 1 x C x H x W of any values, for the part before the cut.

    Returns:
        M x classes.
    """
    images = image.expand(features.shape[0], -1, -1, -1) if cut.batch_of_input else image
    with _skipped(module, cut), _hooked(module, cut, lambda output: _with_tensor(output, features)):
        return module(images)


def cost_after(module: nn.Module, cut: Cut, image: Tensor) -> float:
    """Return the part of a network's operations that follows a cut, in [0, 1].

    Args:
        module: The network.
        cut: The cut.
        image: 1 x C x H x W of any values.
    """
    marks: list[int] = []

    def mark(output: Any) -> Any:
        marks.append(counter.get_total_flops())
        return output

    with torch.no_grad(), FlopCounterMode(display=False) as counter, _hooked(module, cut, mark):
        module(image)
    total = counter.get_total_flops()
    return (total - marks[0]) / total if total else 0.0


@contextmanager
def _skipped(module: nn.Module, cut: Cut) -> Iterator[None]:
    """Replace what runs before a cut by zeros."""

    def zeros(shape: tuple[int, ...]) -> Callable[..., Tensor]:
        return lambda x, *_, **__: x.new_zeros((x.shape[0], *shape))

    with ExitStack() as stack:
        for name, shape in cut.before:
            stack.enter_context(_replaced(module.get_submodule(name), "forward", zeros(shape)))
        yield


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute of an instance in the context, and then restore it or that of its class."""
    own = vars(owner).get(name)
    object.__setattr__(owner, name, value)
    try:
        yield
    finally:
        if own is None:
            object.__delattr__(owner, name)
        else:
            object.__setattr__(owner, name, own)


def _before(calls: list[_Call], position: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the modules that run before a call only and return a tensor, with its shape, without their parts."""
    later = {call.name for call in calls[position:]}
    earlier = [call for call in calls[:position] if call.name not in later and call.returns_tensor]
    names = {call.name for call in earlier}
    return tuple(
        (call.name, tuple(call.features.shape[1:])) for call in earlier if not names & _parents(call.name)
    )


def _parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


@contextmanager
def _hooked(module: nn.Module, cut: Cut, function: Callable[[Any], Any]) -> Iterator[None]:
    """Replace the output of the call at a cut by a function of it."""
    calls = iter(range(cut.call + 1))

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        return function(output) if next(calls, None) == cut.call else output

    handle = module.get_submodule(cut.name).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _record_calls(module: nn.Module, images: Tensor) -> tuple[list[_Call], Tensor]:
    """Return the calls with features, in the order in which they end, and the logits."""
    calls: list[_Call] = []
    counts: dict[str, int] = {}

    def record(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            counts[name] = counts.get(name, -1) + 1
            features = _tensor(output)
            if isinstance(features, Tensor) and features.is_floating_point():
                calls.append(_Call(name, counts[name], features.clone(), features is output))

        return hook

    handles = [m.register_forward_hook(record(name)) for name, m in module.named_modules() if name]
    try:
        logits = module(images)
    finally:
        for handle in handles:
            handle.remove()
    return calls, logits


def _checked(module: nn.Module, cut: Cut, features: Tensor, logits: Tensor, images: Tensor) -> Cut | None:
    """Return the cut, with the batch that its input needs, where it has both properties of `find_cut`."""
    blank = torch.zeros_like(images[:1])
    simple = cut._replace(before=())
    for candidate in (*_with_any_batch(cut), *_with_any_batch(simple)):
        resumed = _resume_if_possible(module, candidate, features, blank)
        if resumed is None or resumed.shape != logits.shape:
            continue
        if _difference(resumed, logits) > TOLERANCE:
            return None  # another path leads around the cut
        nothing = cut.spread(features.new_zeros(1, cut.height, cut.width))
        without_cells = resume(module, candidate, features * nothing, blank)
        return candidate if _difference(without_cells, logits) > INFLUENCE else None
    return None


def _with_any_batch(cut: Cut) -> tuple[Cut, Cut]:
    return cut, cut._replace(batch_of_input=True)


def _resume_if_possible(module: nn.Module, cut: Cut, features: Tensor, image: Tensor) -> Tensor | None:
    try:
        return resume(module, cut, features, image)
    except Exception:  # the network's own code may take its batch size from its input
        return None


def _difference(actual: Tensor, expected: Tensor) -> float:
    """Return the largest difference, relative to the largest expected value."""
    size = float(expected.abs().max()) + torch.finfo(expected.dtype).tiny
    return float((actual - expected).abs().max()) / size


def _tensor(output: Any) -> Any:
    """Return the features in a module's output: transformer blocks of Hugging Face may return tuples."""
    return output[0] if isinstance(output, tuple) and output else output


def _with_tensor(output: Any, features: Tensor) -> Any:
    return (features, *output[1:]) if isinstance(output, tuple) else features
