"""Refusal of ONNX graphs that read other files, may run without end, or make giant tensors.

The file is walked before an inference library reads it: ONNX Runtime computes constants while it loads a model.
"""

from __future__ import annotations

from whyframe.errors import ModelError
from whyframe.graph_sizes import SizeError, check_sizes
from whyframe.modelfile import EXPORT_AGAIN
from whyframe.onnx_fields import Function, Graph, Node, Tensor, read_graphs

__all__ = ["MOST_NODES", "check_graph"]

MOST_NODES = 200_000
"""Largest number of nodes that one frame may take, with functions and loops written out; large networks have 10,000."""

_LONGEST_LOOP = 10_000
_UNKNOWN_LOOP = 1_000  # steps that are assumed of a loop over the parts of a tensor
_OVER_PARTS = ("Scan", "SequenceMap")


def check_graph(data: bytes, name: str) -> None:
    """Raise an error where a model cannot be trusted to end with an answer of bounded size.

    Args:
        data: Content of an ONNX file.
        name: Name of the file in error messages.

    Raises:
        ModelError: The content is not an ONNX model; a tensor is in another file, which the digest does not cover; the
            model takes more than `MOST_NODES` nodes, or has a loop whose number of steps is not a small constant; or
            a tensor is giant.
    """
    graph, functions = read_graphs(data, name)
    for part in (graph, *functions):
        _check_external(part, name)
    try:
        _Counter(graph, functions).check()
        check_sizes(graph, functions)
    except SizeError as error:
        raise ModelError(f"{name} is refused: {error}; {EXPORT_AGAIN}.") from None


def _check_external(graph: Graph, name: str) -> None:
    tensors: list[Tensor] = list(graph.initializers)
    for node in graph.nodes:
        tensors += node.tensors.values()
        for body in node.graphs:
            _check_external(body, name)
    if any(tensor.external for tensor in tensors):
        raise ModelError(
            f"{name} keeps weights in another file, which its digest does not cover; store them in the file itself."
        )


class _Counter:
    """Counter of the nodes that one frame takes, with functions and loops written out."""

    def __init__(self, graph: Graph, functions: list[Function]) -> None:
        self._graph = graph
        self._functions = {(function.domain, function.name): function for function in functions}
        self._counts: dict[tuple[str, str], int] = {}

    def check(self) -> None:
        if self._count(self._graph, {}, ()) > MOST_NODES:
            raise SizeError(f"with its functions and loops it has more than {MOST_NODES:,} nodes")

    def _count(self, graph: Graph, outer: dict[str, Tensor], calls: tuple[tuple[str, str], ...]) -> int:
        constants = {**outer, **{tensor.name: tensor for tensor in graph.initializers}}
        total = 0
        for node in graph.nodes:
            if node.op == "Constant" and node.outputs and "value" in node.tensors:
                constants[node.outputs[0]] = node.tensors["value"]
            total += 1 + self._count_inside(node, constants, calls)
        return total

    def _count_inside(
        self, node: Node, constants: dict[str, Tensor], calls: tuple[tuple[str, str], ...]
    ) -> int:
        key = node.domain, node.op
        if key in self._functions:
            return self._count_function(key, calls)
        steps = 1
        if node.op == "Loop":
            steps = _loop_steps(constants.get(node.inputs[0]) if node.inputs else None)
        elif node.op in _OVER_PARTS:
            steps = _UNKNOWN_LOOP
        return steps * sum(self._count(body, constants, calls) for body in node.graphs)

    def _count_function(self, key: tuple[str, str], calls: tuple[tuple[str, str], ...]) -> int:
        if key in calls:
            raise SizeError(f"its function {key[1]!r:.80} calls itself")
        if key not in self._counts:
            self._counts[key] = self._count(self._functions[key], {}, (*calls, key))
        return self._counts[key]


def _loop_steps(count: Tensor | None) -> int:
    """Return the number of steps of a loop, which must be a small constant."""
    value = None if count is None else count.value
    if value is None or value.size != 1 or not 0 <= int(value.reshape(-1)[0]) <= _LONGEST_LOOP:
        raise SizeError(f"it has a loop whose number of steps is not a constant up to {_LONGEST_LOOP:,}")
    return int(value.reshape(-1)[0])
