"""Which nodes of a graph the parser cannot take, and what to do about each."""

from __future__ import annotations

from typing import Any

from whyframe.errors import BackendError
from whyframe.tensorrt.api import TensorRT

__all__ = ["parse"]

_FIXES = (
    ("ntialias", "resize without antialias"),
    ("transformation modes", "resize with half_pixel coordinates (align_corners=False)"),
    ("Plugin not found", "write the layer with standard ONNX operators"),
    ("UINT8", "cast frames to float before anything else"),
)
_OTHERWISE = "replace the layer in the classifier"


def parse(parser: Any, model: bytes, trt: TensorRT) -> None:
    """Parses a model into the parser's network.

    Args:
        parser: an ``OnnxParser``.
        model: content of the ONNX file.
        trt: the parser's TensorRT.

    Raises:
        BackendError: there are nodes that it cannot take: each is named, with the way out.
    """
    if parser.parse(model):
        return
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    nodes = "; ".join(_describe(error) for error in errors)
    count = "a node" if len(errors) == 1 else f"{len(errors)} nodes"
    raise BackendError(f"{trt} cannot take {count} of the model: {nodes}. Then export the model again.")


def _describe(error: Any) -> str:
    reason = " ".join(error.desc().split())
    fix = next((fix for sign, fix in _FIXES if sign in reason), _OTHERWISE)
    return f"{error.node_operator() or 'the graph'} {error.node_name()!r} ({reason}): {fix}"
