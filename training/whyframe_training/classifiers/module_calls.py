"""Calls of a network's modules, and the grids of features in their inputs and outputs, from one run of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from whyframe.input_spec import InputSpec

MOST_PREFIX_TOKENS = 17
"""Largest number of tokens before the patches: a class token and up to 16 register tokens."""

LAYOUTS = ("nchw", "nhwc", "tokens")


class Tap(NamedTuple):
    """A module whose output is a feature map, and how to read the map from the output.

    Attributes:
        name: Name of the module in the network.
        layout: Order of the output's axes: ``"nchw"``, ``"nhwc"`` (channels last), or ``"tokens"``, N x T x C, where
            the tokens of the patches are a row-major grid.
        prefix: Number of tokens before those of the patches, such as class and register tokens; 0 for maps.
        height: Height h of the grid of features.
        width: Width w of the grid of features.
        channels: Number of channels C.
    """

    name: str
    layout: str
    prefix: int
    height: int
    width: int
    channels: int

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the grid."""
        return self.height, self.width

    @property
    def side(self) -> float:
        """Side of a square with as many cells as the grid."""
        return (self.height * self.width) ** 0.5

    def to_map(self, output: Any) -> Tensor:
        """Return the N x C x h x w feature map in the module's output.

        Args:
            output: Output of the module: a tensor in `layout`, or a tuple, list or mapping that starts with it.
        """
        x = first_tensor(output)
        if x is None:
            raise TypeError(f"{self.name} returned {type(output).__name__}, which holds no tensor")
        if self.layout == "nchw":
            return x
        if self.layout == "nhwc":
            return x.permute(0, 3, 1, 2)
        return x[:, self.prefix :].transpose(1, 2).unflatten(2, self.grid)


class Call(NamedTuple):
    """Call of a module that has a grid of features as its input and as its output.

    Attributes:
        before: Grid of its input.
        after: Grid of its output.
    """

    before: Tap
    after: Tap

    @property
    def name(self) -> str:
        """Name of the module in the network."""
        return self.after.name


def first_tensor(values: Any) -> Tensor | None:
    """Return a tensor itself, or the tensor that a tuple, a list or a mapping starts with; else None."""
    if isinstance(values, Mapping):
        values = tuple(values.values())
    if isinstance(values, tuple | list) and values:
        values = values[0]
    return values if isinstance(values, Tensor) else None


def blank(spec: InputSpec, batch: int = 1) -> Tensor:
    """Return black images of a classifier's input, batch x C x H x W zeros."""
    return torch.zeros(batch, spec.channels, spec.height, spec.width)


def record_calls(module: nn.Module, spec: InputSpec) -> list[Call]:
    """Return the calls from grids of features to grids of features, in the order in which they end.

    A module that is called repeatedly is represented by its last call.

    Args:
        module: Network from N x C x H x W normalised images to its outputs, in eval mode.
        spec: The network's input.
    """
    reader = GridReader(spec.height, spec.width)
    calls: dict[str, Call] = {}

    def record(name: str) -> Callable[..., None]:
        def hook(part: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            calls.pop(name, None)
            after = reader.read(name, first_tensor(output), part)
            given = args[0] if args else next((v for v in kwargs.values() if isinstance(v, Tensor)), None)
            before = reader.read(name, given if isinstance(given, Tensor) else None)
            if before is not None and after is not None:
                calls[name] = Call(before, after)

        return hook

    named = [(name, part) for name, part in module.named_modules() if name]
    handles = [part.register_forward_hook(record(name), with_kwargs=True) for name, part in named]
    try:
        with torch.no_grad():
            module(blank(spec))
    finally:
        for handle in handles:
            handle.remove()
    return list(calls.values())


def resembles(grid: tuple[int, int], image: tuple[int, int]) -> bool:
    """Return whether a grid has the proportions of an image, except for rounding and for borders cut off.

    Args:
        grid: Height and width in cells.
        image: Height and width in pixels.
    """
    if image[0] == image[1]:
        return grid[0] == grid[1]
    ratio = image[1] / image[0]
    return abs(grid[0] * ratio - grid[1]) <= 1 + ratio + 0.1 * grid[1]


class GridReader:
    """Recognition of grids of features in the tensors of a network that processes a single image.

    Args:
        height: Height H of the image.
        width: Width W of the image.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self._grids: list[tuple[int, int]] = []
        self._layouts: dict[tuple[int, ...], str] = {}

    def read(self, name: str, x: Tensor | None, module: nn.Module | None = None) -> Tap | None:
        """Return the grid in a tensor, or None where the tensor holds none.

        Args:
            name: Name of the module that the tensor belongs to.
            x: The tensor; None gives None.
            module: Module whose output the tensor is, which may tell the order of its axes; None for an input.
        """
        if x is None or x.shape[0:1] != (1,):
            return None
        if x.ndim == 4:
            return self._read_map(name, x, module)
        return self._read_tokens(name, x) if x.ndim == 3 else None

    def _read_map(self, name: str, x: Tensor, module: nn.Module | None) -> Tap | None:
        if isinstance(module, nn.Softmax):  # its output is an attention matrix
            return None
        shape = tuple(x.shape)
        readings = {"nchw": (shape[2], shape[3]), "nhwc": (shape[1], shape[2])}
        possible = [layout for layout, grid in readings.items() if resembles(grid, (self.height, self.width))]
        if not possible:
            return None
        layout = self._layout(possible, shape, module)
        height, width = readings[layout]
        if module is not None and height * width > 1 and (height, width) not in self._grids:
            self._grids.append((height, width))
        return Tap(name, layout, 0, height, width, shape[1 if layout == "nchw" else 3])

    def _layout(self, possible: list[str], shape: tuple[int, ...], module: nn.Module | None) -> str:
        """Return the layout of a tensor; where both are possible, the module or an earlier tensor decides."""
        if len(possible) == 1:
            return possible[0]
        if isinstance(module, nn.Linear | nn.LayerNorm):
            self._layouts[shape] = "nhwc"
        elif isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            self._layouts[shape] = "nchw"
        return self._layouts.get(shape, "nchw")

    def _read_tokens(self, name: str, x: Tensor) -> Tap | None:
        count, channels = x.shape[1:]
        for prefix in range(MOST_PREFIX_TOKENS + 1):
            for height, width in self._token_grids():
                if height * width == count - prefix > prefix:
                    return Tap(name, "tokens", prefix, height, width, channels)
        return None

    def _token_grids(self) -> list[tuple[int, int]]:
        """Return the grids that tokens may form: those of earlier maps and their halves, or whole patches."""
        if not self._grids:
            strides = range(2, min(self.height, self.width) // 2 + 1)
            return [
                (self.height // s, self.width // s) for s in strides if not self.height % s | self.width % s
            ]
        grids = list(self._grids)
        for height, width in grids:  # grows while it is read, down to the coarsest
            half = (-(-height // 2), -(-width // 2))
            if half[0] * half[1] >= 4 and half not in grids:
                grids.append(half)
        return grids
