"""Values of the small constants that a graph computes its shapes with."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.onnx_fields import Node

__all__ = ["BINARY", "SMALL", "Array", "Shape", "constant_value"]

SMALL = 1024
"""Largest number of elements of a constant whose value is followed."""

Shape = tuple[int, ...]
Array = NDArray[Any]

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Max": np.maximum,
    "Min": np.minimum,
    "Equal": np.equal,
    "Pow": lambda a, b: np.clip(np.asarray(a, float) ** np.asarray(b, float), -1e18, 1e18).astype(
        np.asarray(a).dtype
    ),
    "Div": lambda a, b: a / b if np.asarray(a).dtype.kind == "f" else np.asarray(a) // np.where(b == 0, 1, b),
}


_REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "ReduceProd": np.prod,
    "ReduceSum": np.sum,
    "ReduceMax": np.max,
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "Identity": np.asarray,
    "Neg": np.negative,
    "Abs": np.abs,
    "Exp": np.exp,
    "Sqrt": np.sqrt,
    "Floor": np.floor,
    "Ceil": np.ceil,
}


def constant_value(node: Node, given: list[Array | None], shapes: list[Shape | None]) -> Array | None:
    """Return the value of a small constant that a node computes; None where it is not known."""
    if node.op == "Constant":
        if "value" in node.tensors:
            return node.tensors["value"].value
        numbers = node.numbers.get("value_int", node.numbers.get("value_ints"))
        return (
            None
            if numbers is None
            else np.array(numbers, np.int64).reshape(-1 if "value_ints" in node.numbers else ())
        )
    if node.op == "Shape" and shapes and shapes[0] is not None:
        return np.array(shapes[0], np.int64)
    if not given or any(value is None for value in given):
        return None
    known = [value for value in given if value is not None]
    try:
        with np.errstate(all="ignore"):
            return _computed(node, known)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None  # the inference library reports a wrong graph


def _computed(node: Node, known: list[Array]) -> Array | None:
    if node.op in BINARY and len(known) == 2:
        if prod(np.broadcast_shapes(known[0].shape, known[1].shape)) > SMALL:
            return None
        return np.asarray(BINARY[node.op](*known))
    if node.op == "Concat":
        return np.concatenate(known, int(node.numbers.get("axis", [0])[0]))
    if node.op == "Gather":
        return np.take(known[0], known[1].astype(np.int64), int(node.numbers.get("axis", [0])[0]))
    if node.op == "Where":
        return np.where(*known)
    if node.op in _REDUCTIONS:
        return np.asarray(_REDUCTIONS[node.op](known[0])).reshape(1)
    if node.op in ("Unsqueeze", "Squeeze", "Reshape", "Flatten"):
        return known[0].reshape(-1) if known[0].size > 1 or node.op != "Squeeze" else known[0].reshape(())
    if node.op == "Cast":
        kind = {1: np.float32, 6: np.int64, 7: np.int64, 11: np.float64}.get(
            int(node.numbers.get("to", [0])[0])
        )
        return None if kind is None else known[0].astype(kind)
    return np.asarray(_UNARY[node.op](known[0])) if node.op in _UNARY else None
