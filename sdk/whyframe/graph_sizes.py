"""Sizes of the tensors that a graph makes, as far as they follow from its constants and shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from whyframe.graph_values import BINARY, SMALL, Array, Shape, constant_value
from whyframe.onnx_fields import Function, Graph, Node

__all__ = ["LARGEST", "SizeError", "check_sizes"]

LARGEST = 1 << 28
"""Largest number of elements of one tensor: a gigabyte of float32."""

_DEEPEST_CALL = 64
_WIDEST_PADDING = 1 << 16


class SizeError(ValueError):
    """A graph that may run without end, or that makes a giant tensor; the message is the reason."""


def check_sizes(graph: Graph, functions: Sequence[Function]) -> None:
    """Raise an error where a tensor of the graph has more than `LARGEST` elements.

    Constants and shapes are followed through the operators that shapes are computed with. A size that depends on
    something else is not known here.

    Args:
        graph: The graph, whose number of nodes is bounded.
        functions: The model-local functions.

    Raises:
        SizeError: A tensor is too large, or those made from constants are together.
    """
    _Sizes({(function.domain, function.name): function for function in functions}).follow(graph, {}, {}, 0)


class _Sizes:
    """Constants and shapes of the tensors of a graph, by name."""

    def __init__(self, functions: dict[tuple[str, str], Function]) -> None:
        self._functions = functions
        self._made = 0

    def follow(
        self, graph: Graph, values: dict[str, Array], shapes: dict[str, Shape], depth: int
    ) -> tuple[dict[str, Array], dict[str, Shape]]:
        values, shapes = dict(values), dict(shapes)
        for name, shape in graph.inputs.items():
            if shape is not None and name not in shapes:
                shapes[name] = shape
                _check(prod(shape), "an input")
        for tensor in graph.initializers:
            shapes[tensor.name] = tensor.shape
            if tensor.value is not None:
                values[tensor.name] = tensor.value
        for node in graph.nodes:
            self._follow_node(node, values, shapes, depth)
        return values, shapes

    def _follow_node(
        self, node: Node, values: dict[str, Array], shapes: dict[str, Shape], depth: int
    ) -> None:
        function = self._functions.get((node.domain, node.op))
        if function is not None:
            self._call(function, node, values, shapes, depth)
            return
        for body in node.graphs:
            self.follow(body, values, shapes, depth)
        if node.op != "Pad" and max(node.numbers.get("pads", [0])) > _WIDEST_PADDING:
            raise SizeError(f"the node {node.op} pads by more than {_WIDEST_PADDING:,}")
        if not node.outputs:
            return
        given = [values.get(name) for name in node.inputs]
        value = constant_value(node, given, [shapes.get(name) for name in node.inputs])
        if value is not None and value.size <= SMALL:
            values[node.outputs[0]] = value
            shapes[node.outputs[0]] = value.shape
            return
        shape = _shape(node, given, [shapes.get(name) for name in node.inputs])
        if shape is not None:
            shapes[node.outputs[0]] = shape
            _check(prod(shape), f"the node {node.op}")
            self._made += prod(shape) if node.op in _MAKERS else 0
            _check(self._made // 2, "its constants together")

    def _call(
        self, function: Function, node: Node, values: dict[str, Array], shapes: dict[str, Shape], depth: int
    ) -> None:
        if depth > _DEEPEST_CALL:
            raise SizeError("its functions call one another too deeply")
        pairs = list(zip(function.inputs, node.inputs, strict=False))
        inner = self.follow(
            function,
            {own: values[name] for own, name in pairs if name in values},
            {own: shapes[name] for own, name in pairs if name in shapes},
            depth + 1,
        )
        for own, name in zip(function.outputs, node.outputs, strict=False):
            if own in inner[0]:
                values[name] = inner[0][own]
            if own in inner[1]:
                shapes[name] = inner[1][own]


def _check(elements: int, what: str) -> None:
    if elements > LARGEST:
        raise SizeError(f"{what} has {elements:.2g} elements, more than {LARGEST:,}")


_BROADCAST = {
    *BINARY,
    "Where",
    "And",
    "Or",
    "Less",
    "Greater",
    "Mod",
    "PRelu",
    "LessOrEqual",
    "GreaterOrEqual",
    "Sum",
}
_SAME = {
    "Identity",
    "Cast",
    "Relu",
    "Sigmoid",
    "Neg",
    "Abs",
    "Sqrt",
    "Exp",
    "Floor",
    "Ceil",
    "Not",
    "Softmax",
    "EyeLike",
}
_MAKERS = {
    "ConstantOfShape",
    "Expand",
    "Tile",
    "Range",
    "RandomNormal",
    "RandomUniform",
    "OneHot",
    "Pad",
    "EyeLike",
}


def _shape(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:
    """Return the shape of a node's first output; None where it is not known."""
    try:
        if node.op in _SHAPES:
            return _SHAPES[node.op](node, given, shapes)
        if node.op in _SAME:
            return shapes[0]
        if node.op in _BROADCAST:
            known = [shape for shape in shapes if shape is not None]
            return np.broadcast_shapes(*known) if len(known) == len(shapes) else None
    except (ValueError, IndexError, TypeError, KeyError, OverflowError):
        return None  # the inference library reports a wrong graph
    return None


def _integers(value: Array | None) -> Shape | None:
    if value is None or not np.isfinite(value).all():
        return None
    return tuple(max(0, int(size)) for size in value.reshape(-1))


def _expanded(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:  # noqa: ARG001
    wanted = _integers(given[1])
    if wanted is None:
        return None
    own = shapes[0] or ()
    rank = max(len(own), len(wanted))
    pairs = zip((1,) * (rank - len(own)) + own, (1,) * (rank - len(wanted)) + wanted, strict=True)
    return tuple(max(pair) for pair in pairs)


def _tiled(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:  # noqa: ARG001
    repeats = _integers(given[1])
    if repeats is None:
        return None
    return tuple(a * b for a, b in zip(shapes[0] or (1,) * len(repeats), repeats, strict=True))


def _range(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:  # noqa: ARG001
    if any(value is None for value in given):
        return None
    start, stop, step = (float(np.asarray(value).reshape(-1)[0]) for value in given)
    return (max(0, int((stop - start) / step)),) if step else None


def _concatenated(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:  # noqa: ARG001
    known = [shape for shape in shapes if shape is not None]
    if len(known) != len(shapes):
        return None
    axis = int(node.numbers["axis"][0]) % len(known[0])
    return (*known[0][:axis], sum(shape[axis] for shape in known), *known[0][axis + 1 :])


def _product(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:  # noqa: ARG001
    if shapes[0] is None or shapes[1] is None or min(len(shapes[0]), len(shapes[1])) < 2:
        return None
    return (*np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2]), shapes[0][-2], shapes[1][-1])


def _padded(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:
    own = shapes[0]
    pads = node.numbers.get("pads") or (
        None if len(given) < 2 or given[1] is None else given[1].reshape(-1).tolist()
    )
    if own is None or pads is None or len(pads) != 2 * len(own):
        return None if pads is None else (max(1, int(sum(pads))),)
    return tuple(
        max(0, int(n + a + b)) for n, a, b in zip(own, pads[: len(own)], pads[len(own) :], strict=True)
    )


def _resized(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:
    if len(given) > 3 and given[3] is not None:
        return _integers(given[3])
    position = 1 if node.op == "Upsample" else 2
    scales = given[position] if len(given) > position else None
    if scales is None or not scales.size:
        return None
    own = shapes[0] or (1,) * scales.size
    return tuple(int(n * float(scale)) for n, scale in zip(own, scales.reshape(-1), strict=True))


def _reshaped(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:  # noqa: ARG001
    if shapes[0] is None or given[1] is None:
        return None
    wanted = [int(size) for size in given[1].reshape(-1)]
    sizes = [shapes[0][i] if size == 0 else size for i, size in enumerate(wanted)]
    rest = prod(size for size in sizes if size != -1)
    return tuple(prod(shapes[0]) // max(rest, 1) if size == -1 else size for size in sizes)


def _unsqueezed(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:
    axes = node.numbers.get("axes") or (
        None if len(given) < 2 or given[1] is None else given[1].reshape(-1).tolist()
    )
    if shapes[0] is None or axes is None:
        return None
    rank = len(shapes[0]) + len(axes)
    new, old = {int(axis) % rank for axis in axes}, iter(shapes[0])
    return tuple(1 if axis in new else next(old) for axis in range(rank))


def _transposed(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Shape | None:  # noqa: ARG001
    if shapes[0] is None:
        return None
    order = node.numbers.get("perm") or range(len(shapes[0]))[::-1]
    return tuple(shapes[0][int(axis)] for axis in order)


_Rule = Callable[[Node, "list[Array | None]", "list[Shape | None]"], "Shape | None"]
_SHAPES: dict[str, _Rule] = {
    "ConstantOfShape": lambda _, given, __: _integers(given[0]),
    "Expand": _expanded,
    "Tile": _tiled,
    "Range": _range,
    "RandomNormal": lambda node, _, __: tuple(int(size) for size in node.numbers["shape"]),
    "RandomUniform": lambda node, _, __: tuple(int(size) for size in node.numbers["shape"]),
    "OneHot": lambda _, given, shapes: (
        None if given[1] is None else (*(shapes[0] or ()), *(_integers(given[1]) or ()))
    ),
    "Concat": _concatenated,
    "MatMul": _product,
    "Pad": _padded,
    "Resize": _resized,
    "Upsample": _resized,
    "Reshape": _reshaped,
    "Unsqueeze": _unsqueezed,
    "Transpose": _transposed,
}
