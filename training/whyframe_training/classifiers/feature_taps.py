"""Search for a network's features: the modules that run last at each scale, found by running the network once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.module_calls import Call, Tap, blank, record_calls
from whyframe_training.classifiers.networks import ClassifierError

__all__ = ["Tap", "blank", "capture", "find_taps", "finest_stride", "named_taps"]

STRIDES = (4, 8, 16)
MOST_TAPS = 5


def find_taps(module: nn.Module, spec: InputSpec) -> list[Tap]:
    """Return the modules whose outputs are the network's features, from the finest scale to the last features.

    Of the modules of a scale, the one that runs last is taken, except for modules inside a block that reduces the
    scale, and for other scales inside a block that keeps it. A network with features at strides 4, 8 and 16 has four
    taps: these, and the last features before pooling. Any other network has one for each of its scales, from
    `finest_stride` on, and at most five. Where there is a single scale, as in a vision transformer, blocks at one and
    two thirds of the depth are taken too.

    The features of a stride have `H / stride` x `W / stride` cells, rounded up or down. Networks without padding have
    fewer; where no module has this size, a factor of up to sqrt(2) per side is allowed.

    Args:
        module: Network from N x C x H x W normalised images to its outputs, in eval mode.
        spec: The network's input.

    Returns:
        One to five taps, ordered from fine to coarse; the last one has the last features.

    Raises:
        ClassifierError: No module's output is a grid of features.
    """
    features = _features(record_calls(module, spec))
    features = _before_scores(module, features) or features
    if not features:
        raise ClassifierError(
            "the classifier has no spatial features (no module's output is a map or a grid of patch tokens), so no "
            "explainer can be fused with it; what remains are methods that only call the network, such as occlusion"
        )
    coarsest = min(tap.height * tap.width for tap in features)
    last = [tap for tap in features if tap.height * tap.width == coarsest][-1]
    height, width = spec.height, spec.width
    if finest_stride(height, width) == STRIDES[0]:
        usual = [_tap_at(features, height, width, stride) for stride in STRIDES]
        if all(usual):
            return [*(tap for tap in usual if tap), last]
    return _one_per_scale(module, features, last, spec)


def named_taps(module: nn.Module, spec: InputSpec, names: Sequence[str]) -> list[Tap]:
    """Return the taps at given modules, ordered from fine to coarse, and by their order of execution in a scale.

    Args:
        module: Network from N x C x H x W normalised images to its outputs, in eval mode.
        spec: The network's input.
        names: One to five names of modules.

    Raises:
        ClassifierError: There is no such module, its output is no grid of features, or there are too many names.
    """
    if not 1 <= len(names) <= MOST_TAPS:
        raise ClassifierError(f"--taps takes one to {MOST_TAPS} names of modules, got {len(names)}")
    found = {call.name: (index, call.after) for index, call in enumerate(record_calls(module, spec))}
    known = [name for name, _ in module.named_modules() if name]
    chosen = [found[_check_tap(name, known, found)] for name in names]
    ordered = sorted(set(chosen), key=lambda entry: (-entry[1].height * entry[1].width, entry[0]))
    return [tap for _, tap in ordered]


def finest_stride(height: int, width: int) -> int:
    """Return the stride of the finest features that are read from images of a size.

    It is 4 where the shorter side has 56 pixels or more, 2 from 32 pixels on, and 1 for smaller images.
    """
    side = min(height, width)
    return 4 if side >= 56 else 2 if side >= 32 else 1


@contextmanager
def capture(module: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Record the outputs of named modules while the network runs in the context.

    Args:
        module: The network.
        names: Names of the modules.

    Yields:
        Outputs by the name of the module, filled when the network runs.
    """
    outputs: dict[str, Any] = {}

    def record(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: outputs.__setitem__(name, output)

    handles = [module.get_submodule(name).register_forward_hook(record(name)) for name in names]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _features(calls: list[Call]) -> list[Tap]:
    """Return the outputs that are features, in their order of execution."""
    by_name = {call.name: call for call in calls}

    def is_step(tap: Tap) -> bool:
        parts = tap.name.split(".")
        blocks = (by_name.get(".".join(parts[:count])) for count in range(1, len(parts)))
        return any(_is_step_of(tap, block) for block in blocks if block is not None)

    outputs = [call.after for call in calls if call.after.height * call.after.width > 1]
    return [tap for tap in outputs if not is_step(tap)]


def _before_scores(module: nn.Module, features: list[Tap]) -> list[Tap]:
    """Return the features before the network's last 1x1 convolution, if it changes the number of channels last.

    In a fully convolutional network it makes the class scores of each cell, and pooling follows: the features that
    explainers read are its inputs.
    """
    convolutions = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.Conv2d)]
    if not convolutions or any(isinstance(part, nn.Linear) for part in module.modules()):
        return features
    name, last = convolutions[-1]
    index = next((i for i, tap in enumerate(features) if tap.name == name), None)
    if (
        index is None
        or last.kernel_size != (1, 1)
        or {tap.channels for tap in features[index:]} != {last.out_channels}
    ):
        return features
    return features[:index]


def _is_step_of(tap: Tap, block: Call) -> bool:
    """Return whether an output inside a block is only a step: before a reduction, or of a scale that is left again."""
    if 3 < 3 * block.after.side < block.before.side:  # a sequence of several reductions, which is no head
        return False
    if block.after.side < block.before.side:
        return _same_scale(tap.side, block.before.side)
    return block.before.grid == block.after.grid != tap.grid


def _same_scale(a: float, b: float) -> bool:
    return max(a, b) ** 2 < 2 * min(a, b) ** 2


def _tap_at(features: list[Tap], height: int, width: int, stride: int) -> Tap | None:
    """Return the last output of a stride: with the exact number of cells, or else with nearly as many."""

    def exact(cells: int, pixels: int) -> bool:
        return cells in (-(-pixels // stride), pixels // stride)

    def near(cells: int, pixels: int) -> bool:
        return _same_scale(cells, pixels / stride)

    for fits in (exact, near):
        fitting = [tap for tap in features if fits(tap.height, height) and fits(tap.width, width)]
        if fitting:
            return fitting[-1]
    return None


def _one_per_scale(module: nn.Module, features: list[Tap], last: Tap, spec: InputSpec) -> list[Tap]:
    """Return the last output of each scale, and of several depths where there is a single scale."""
    finest = 0.8 * finest_stride(spec.height, spec.width)
    wide = [tap for tap in features if (spec.height * spec.width) ** 0.5 / tap.side >= finest]
    finer = [scale[-1] for scale in _scales(wide)[:-1]]
    return [*(finer[: MOST_TAPS - 1] or _depths(module, features, last)), last]


def _scales(features: list[Tap]) -> list[list[Tap]]:
    """Return the outputs grouped by scale, from fine to coarse; sizes that differ by cut borders are one scale."""
    groups: list[list[tuple[int, Tap]]] = []
    for index, tap in sorted(enumerate(features), key=lambda entry: (-entry[1].side, entry[0])):
        if groups and _same_scale(groups[-1][-1][1].side, tap.side) and groups[-1][0][1].side < 2 * tap.side:
            groups[-1].append((index, tap))
        else:
            groups.append([(index, tap)])
    return [[tap for _, tap in sorted(group)] for group in groups]


def _depths(module: nn.Module, features: list[Tap], last: Tap) -> list[Tap]:
    """Return the outputs at one and two thirds of the longest series of numbered modules with the last grid.

    The modules of a series have one class and one name, up to the number.
    """
    series: dict[tuple[str, str], list[Tap]] = {}
    for tap in features:
        if re.search(r"\d$", tap.name) and (tap.layout, tap.grid) == (last.layout, last.grid):
            kind = type(module.get_submodule(tap.name)).__name__
            series.setdefault((tap.name.rstrip("0123456789"), kind), []).append(tap)
    if not series:
        return []
    # Of series as long as each other, the outermost one is that of the blocks, and the last one that of activations.
    (_, longest) = max(
        enumerate(series.values()), key=lambda entry: (len(entry[1]), -entry[1][0].name.count("."), entry[0])
    )
    count = len(longest)
    places = sorted({-(-count // 3) - 1, -(-2 * count // 3) - 1} - {count - 1})
    return [longest[place] for place in places if longest[place] != last]


def _check_tap(name: str, known: Sequence[str], found: dict[str, tuple[int, Tap]]) -> str:
    """Return the full name of a module with a grid of features; a network in an adapter keeps its own names."""
    full = next((candidate for candidate in (name, f"network.{name}") if candidate in known), None)
    if full is None:
        near = difflib.get_close_matches(name, known, cutoff=0.4)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise ClassifierError(
            f"the network has no module {name!r}{hint}: `whyframe inspect` lists its features"
        )
    if full not in found:
        raise ClassifierError(
            f"the output of module {name!r} is neither a map nor patch tokens: `whyframe inspect` lists the features"
        )
    return full
