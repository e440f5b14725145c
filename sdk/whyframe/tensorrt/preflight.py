"""Parsing of an ONNX model, with advice for each node that TensorRT does not support."""

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
_OTHER_FIX = "replace the layer in the classifier"


def parse(parser: Any, model: bytes, trt: TensorRT) -> None:
    """Parse a model into the network of the parser.

    Args:
        parser: TensorRT's ``OnnxParser``.
        model: Content of the ONNX file.
        trt: TensorRT of the parser.

    Raises:
        BackendError: TensorRT does not support some nodes; the message names each node and what to do about it.
    """
    if parser.parse(model):
        return
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    nodes = "; ".join(_describe(error) for error in errors)
    count = "a node" if len(errors) == 1 else f"{len(errors)} nodes"
    raise BackendError(f"{trt} does not support {count} of the model: {nodes}. Then export the model again.")


def _describe(error: Any) -> str:
    reason = " ".join(error.desc().split())
    fix = next((fix for words, fix in _FIXES if words in reason), _OTHER_FIX)
    return f"{error.node_operator() or 'the graph'} {error.node_name()!r} ({reason}): {fix}"
