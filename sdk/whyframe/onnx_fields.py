"""The parts of an ONNX file that tell how much it computes: nodes, subgraphs, functions, and tensors.

The runtime needs no ONNX package for this; see `whyframe.modelfile`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from whyframe.errors import ModelError
from whyframe.modelfile import EXPORT_AGAIN, read_varint

__all__ = ["Function", "Graph", "Node", "Tensor", "read_graphs"]

_DEEPEST_GRAPH = 8
_SMALL = 1024  # elements of a constant that is read
_DTYPES = {1: "<f4", 6: "<i4", 7: "<i8", 9: "|b1", 11: "<f8"}
_VALUES = {4: "<f4", 10: "<f8"}  # fields of packed values with a fixed width

Span = tuple[int, int]


@dataclass(frozen=True)
class Tensor:
    """A stored tensor: its name, shape and, where it is small and of a plain type, its values."""

    name: str
    shape: tuple[int, ...]
    external: bool
    value: NDArray[np.generic] | None


@dataclass
class Node:
    """A node of a graph: operator, domain, names of the inputs and outputs, numbers, tensors and subgraphs by name."""

    op: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    numbers: dict[str, list[float]] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    graphs: list[Graph] = field(default_factory=list)


@dataclass
class Graph:
    """A graph, or the body of a branch or a loop: nodes, initialisers, and the shapes of the inputs by name."""

    nodes: list[Node] = field(default_factory=list)
    initializers: list[Tensor] = field(default_factory=list)
    inputs: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)


@dataclass
class Function(Graph):
    """A model-local function: a graph with the name and domain by which nodes call it."""

    name: str = ""
    domain: str = ""


def read_graphs(data: bytes, name: str) -> tuple[Graph, list[Function]]:
    """Return the graph and the model-local functions of an ONNX file.

    Args:
        data: Content of the file.
        name: Name of the file in error messages.

    Raises:
        ModelError: The content is not an ONNX model, or its subgraphs are nested too deeply.
    """
    reader = _Reader(data, name)
    graph, functions = Graph(), []
    for number, value in reader.fields((0, len(data))):
        if number == 7 and isinstance(value, tuple):
            graph = reader.graph(value, 0)
        elif number == 25 and isinstance(value, tuple):
            functions.append(reader.function(value))
    return graph, functions


class _Reader:
    """Reader of the messages in the content of a file."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data, self._name = data, name

    @cached_property
    def _damaged(self) -> ModelError:
        return ModelError(f"{self._name} is not an ONNX model, or is truncated; {EXPORT_AGAIN}.")

    def fields(self, span: Span) -> Iterator[tuple[int, int | Span]]:
        """Yield the number of each field with its value, or with the span of its content."""
        at, end = span
        while at < end:
            tag, at = read_varint(self._data, at, self._damaged)
            wire = tag & 7
            if wire not in (0, 1, 2, 5):
                raise self._damaged
            value, start = read_varint(self._data, at, self._damaged) if wire in (0, 2) else (0, at)
            if wire == 0:
                at = start
                yield tag >> 3, value
                continue
            at = start + {1: 8, 2: value, 5: 4}[wire]
            if at > end:
                raise self._damaged
            yield tag >> 3, (start, at)

    def text(self, value: int | Span) -> str:
        start, stop = value if isinstance(value, tuple) else (0, 0)
        return self._data[start:stop].decode("utf-8", errors="replace")

    def graph(self, span: Span, depth: int) -> Graph:
        if depth > _DEEPEST_GRAPH:
            raise ModelError(
                f"{self._name} has branches or loops inside one another, too deep; {EXPORT_AGAIN}."
            )
        graph = Graph()
        for number, value in self.fields(span):
            if not isinstance(value, tuple):
                continue
            if number == 1:
                graph.nodes.append(self.node(value, depth))
            elif number in (5, 15):
                graph.initializers.extend(self.tensors(value, sparse=number == 15))
            elif number == 11:
                graph.inputs.update([self.value_info(value)])
            elif number == 12:
                graph.outputs.append(self.value_info(value)[0])
        return graph

    def function(self, span: Span) -> Function:
        function = Function()
        for number, value in self.fields(span):
            if number == 1:
                function.name = self.text(value)
            elif number == 10:
                function.domain = self.text(value)
            elif number == 4:
                function.inputs[self.text(value)] = None
            elif number == 5:
                function.outputs.append(self.text(value))
            elif number == 7 and isinstance(value, tuple):
                function.nodes.append(self.node(value, 0))
        return function

    def node(self, span: Span, depth: int) -> Node:
        node = Node()
        for number, value in self.fields(span):
            if number == 1:
                node.inputs.append(self.text(value))
            elif number == 2:
                node.outputs.append(self.text(value))
            elif number == 4:
                node.op = self.text(value)
            elif number == 7:
                node.domain = self.text(value)
            elif number == 5 and isinstance(value, tuple):
                self.attribute(node, value, depth)
        return node

    def attribute(self, node: Node, span: Span, depth: int) -> None:
        fields = list(self.fields(span))
        name = next((self.text(value) for number, value in fields if number == 1), "")
        for number, value in fields:
            if isinstance(value, tuple) and number in (5, 10, 22, 23):
                for tensor in self.tensors(value, sparse=number > 20):
                    node.tensors[name if number == 5 else f"{name} {len(node.tensors)}"] = tensor
            elif isinstance(value, tuple) and number in (6, 11):
                node.graphs.append(self.graph(value, depth + 1))
            elif number in (2, 3, 7, 8):
                node.numbers.setdefault(name, []).extend(self.numbers(number, value))

    def numbers(self, number: int, value: int | Span) -> list[float]:
        """Return the numbers of a field of integers (3, 8) or floats (2, 7), packed or not."""
        if isinstance(value, int):
            return [_signed(value)]
        start, stop = value
        if number in (2, 7):
            return [x for (x,) in struct.iter_unpack("<f", self._data[start : stop - (stop - start) % 4])]
        return list(map(float, self.varints(value)))

    def varints(self, span: Span) -> list[int]:
        at, stop = span
        found = []
        while at < stop:
            value, at = read_varint(self._data, at, self._damaged)
            found.append(_signed(value))
        return found

    def tensors(self, span: Span, *, sparse: bool) -> Iterator[Tensor]:
        """Yield a tensor, or the values and indices of a sparse one."""
        if not sparse:
            yield self.tensor(span)
            return
        for number, value in self.fields(span):
            if number in (1, 2) and isinstance(value, tuple):
                yield self.tensor(value)

    def tensor(self, span: Span) -> Tensor:
        shape: list[int] = []
        name, kind, external = "", 0, False
        contents: list[tuple[int, int | Span]] = []
        for number, value in self.fields(span):
            if number == 1:
                shape += self.varints(value) if isinstance(value, tuple) else [_signed(value)]
            elif number == 2 and isinstance(value, int):
                kind = value
            elif number == 8:
                name = self.text(value)
            elif number == 13 or (number == 14 and value == 1):
                external = True
            elif number in (4, 5, 7, 9, 10):
                contents.append((number, value))
        if any(size < 0 for size in shape) or (prod(shape) > 8 * (span[1] - span[0]) and not external):
            raise ModelError(
                f"{self._name} has a tensor {name!r:.60} whose shape {shape!r:.60} it does not hold; {EXPORT_AGAIN}."
            )
        return Tensor(name, tuple(shape), external, self.small_value(kind, shape, contents))

    def small_value(
        self, kind: int, shape: list[int], contents: list[tuple[int, int | Span]]
    ) -> NDArray[np.generic] | None:
        if kind not in _DTYPES or prod(shape) > _SMALL:
            return None
        dtype = np.dtype(_DTYPES[kind])
        values: list[NDArray[np.generic]] = []
        for number, value in contents:
            if isinstance(value, int):
                values.append(np.array([value]))
                continue
            if number in (5, 7):
                values.append(np.array(self.varints(value), np.int64))
                continue
            stored = dtype if number == 9 else np.dtype(_VALUES[number])
            size = value[1] - value[0]
            if size % stored.itemsize:
                raise self._damaged
            values.append(np.frombuffer(self._data[slice(*value)], stored))
        flat = np.concatenate(values) if values else np.zeros(0, dtype)
        return flat.astype(dtype).reshape(shape) if flat.size == prod(shape) else None

    def value_info(self, span: Span) -> tuple[str, tuple[int, ...] | None]:
        """Return the name of an input or output, and its shape with 1 for the sizes that are not fixed."""
        name, shape = "", None
        for number, value in self.fields(span):
            if number == 1:
                name = self.text(value)
            elif number == 2 and isinstance(value, tuple):
                shape = self.shape_of_type(value)
        return name, shape

    def shape_of_type(self, span: Span) -> tuple[int, ...] | None:
        for path in (1, 2):  # the tensor type of a type, then its shape
            spans = [v for n, v in self.fields(span) if n == path and isinstance(v, tuple)]
            if not spans:
                return None
            span = spans[-1]
        dims = [v for n, v in self.fields(span) if n == 1 and isinstance(v, tuple)]
        sizes = [[v for n, v in self.fields(dim) if n == 1 and isinstance(v, int)] for dim in dims]
        return tuple(_signed(found[-1]) if found else 1 for found in sizes)


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
