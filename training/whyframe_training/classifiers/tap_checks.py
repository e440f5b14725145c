"""Experiments that check how feature taps are read: a change of one part of the image must stay in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.feature_taps import capture
from whyframe_training.classifiers.module_calls import Tap, resembles
from whyframe_training.classifiers.networks import ClassifierError

__all__ = ["check_taps"]


@torch.no_grad()
def check_taps(module: nn.Module, spec: InputSpec, taps: Sequence[Tap]) -> list[Tap]:
    """Return the taps with the layouts that experiments confirm. Most networks need none, because shapes are clear.

    Two parts of an image of noise are changed, at its left and at its right border. Where the tokens of a grid are the
    image's patches row by row, behind the class and register tokens, the token of the changed patch or of its neighbour
    changes most; this is looked for in the first module with as many tokens. Where the shape of a map could be
    N x C x h x w as well as N x h x w x C, the reading in which the change is more concentrated in its place is taken.

    Args:
        module: Network from N x C x H x W normalised images to its outputs, in eval mode.
        spec: The network's input.
        taps: Taps as their shapes suggest them.

    Raises:
        ClassifierError: Tokens are not the patches of the image row by row.
    """
    for tap in {tap.grid: tap for tap in taps if tap.layout == "tokens"}.values():
        _check_token_order(module, spec, tap)
    other = {tap: _other_reading(tap) for tap in taps}
    checked = []
    for tap, swapped in ((tap, other[tap]) for tap in taps):
        unclear = swapped is not None and resembles(swapped.grid, (spec.height, spec.width))
        checked.append(_more_local(module, spec, tap, swapped) if swapped and unclear else tap)
    return checked


def _check_token_order(module: nn.Module, spec: InputSpec, tap: Tap) -> None:
    cells = _border_cells(tap)
    outputs = _first_tokens(module, _with_changed_cells(spec, tap, cells), tap)
    changes = (outputs[1:] - outputs[:1]).float().norm(dim=2)
    for (row, column), change in zip(cells, changes, strict=True):
        found_row, found_column = divmod(int(change.argmax()) - tap.prefix, tap.width)
        if max(abs(found_row - row), abs(found_column - column)) > 1:
            raise ClassifierError(
                f"the tokens of {tap.name} are not the {tap.height} x {tap.width} patches of the image row by row "
                f"behind {tap.prefix} other tokens: pass --taps with modules whose outputs are maps"
            )


def _other_reading(tap: Tap) -> Tap | None:
    """Return the tap with the channels at the other end, or None for tokens."""
    if tap.layout == "nchw":
        return Tap(tap.name, "nhwc", 0, tap.channels, tap.height, tap.width)
    if tap.layout == "nhwc":
        return Tap(tap.name, "nchw", 0, tap.width, tap.channels, tap.height)
    return None


def _more_local(module: nn.Module, spec: InputSpec, *readings: Tap) -> Tap:
    """Return the reading in which a changed cell has the largest share of the changes."""

    def share(tap: Tap) -> float:
        cells = _border_cells(tap)
        with capture(module, [tap.name]) as outputs:
            module(_with_changed_cells(spec, tap, cells))
        maps = tap.to_map(outputs[tap.name]).double()
        changes = (maps[1:] - maps[:1]).square().sum(dim=1)
        own = [change[cell] / change.sum() for change, cell in zip(changes, cells, strict=True)]
        return float(torch.stack(own).mean())

    return max(readings, key=share)


def _border_cells(tap: Tap) -> list[tuple[int, int]]:
    """Return a cell at the left and one at the right border, where a shift by one cell leads to another row."""
    return [(tap.height // 2, 0), (tap.height // 2, tap.width - 1)]


def _with_changed_cells(spec: InputSpec, tap: Tap, cells: Sequence[tuple[int, int]]) -> Tensor:
    """Return an image of noise, and for each cell of the tap's grid a copy with other noise in that cell."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, spec.channels, spec.height, spec.width, generator=generator)
    images = image.repeat(1 + len(cells), 1, 1, 1)
    rows, columns = max(spec.height // tap.height, 1), max(spec.width // tap.width, 1)
    for changed, (row, column) in zip(images[1:], cells, strict=True):
        window = changed[:, row * rows : (row + 1) * rows, column * columns : (column + 1) * columns]
        window.copy_(torch.randn(window.shape, generator=generator))
    return images


def _first_tokens(module: nn.Module, images: Tensor, tap: Tap) -> Tensor:
    """Return the first output of any module with as many tokens as the tap, N x T x C."""
    shape = (len(images), tap.prefix + tap.height * tap.width)
    outputs: list[Tensor] = []

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 3 and output.shape[:2] == shape:
            outputs.append(output)

    handles = [part.register_forward_hook(hook) for part in module.modules()]
    try:
        module(images)
    finally:
        for handle in handles:
            handle.remove()
    if not outputs:
        raise ClassifierError(
            f"the number of tokens of {tap.name} depends on the number of images: pass --taps"
        )
    return outputs[0]
