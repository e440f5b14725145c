"""A fused float32 graph in float16, with the parts that need the range or the digits left in float32.

What stays are islands: the softmax; everything from the mask's last convolution (or the class activation
map's product) through the normalisations to the controller; and the depthwise convolutions. Nothing inside
an island is rounded to float16 on the way, as it would be by a converter that casts around each node. The
contract's inputs and outputs keep their types, and the controller's function its call.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper

from whyframe.backends import open_backend
from whyframe.errors import WhyframeError
from whyframe_export.controller_function import NAME as CONTROLLER

LARGEST_PROBABILITY_DIFFERENCE = 1e-2
SMALLEST_RANK_CORRELATION = 0.999

_LINEAR = {"Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum"}
_STATISTICS = {"InstanceNormalization", "LayerNormalization", "GroupNormalization"}
_SCALES = ("Resize", 2)
"""An input that is float32 whatever the operator's others are."""


class PrecisionError(WhyframeError):
    """A graph that float16 cannot hold, or that is no longer the same in it."""


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph in float16, but for its float32 islands.

    Args:
        model: a fused graph in float32; it is left as it is.

    Returns:
        A new model. Its manifest is still that of ``model``: `Manifest.write` puts the new one in.

    Raises:
        PrecisionError: a weight lies beyond float16's range, or an operator has a body of its own.
    """
    half = copy.deepcopy(model)
    del half.graph.value_info[:]  # the old types
    _Converter(half.graph, _float_values(model)).convert()
    onnx.checker.check_model(half, full_check=True)
    return half


def float32_island(graph: onnx.GraphProto) -> set[str]:
    """The nodes that stay in float32, each by the name of its first output.

    Those that make the graph's outputs, take statistics, or filter each channel alone; and, back from the
    controller, all up to the nearest linear operators, these included.
    """
    producers = {name: node for node in graph.node for name in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    island = {producers[output.name].output[0] for output in graph.output}
    island |= {node.output[0] for node in graph.node if node.op_type in _STATISTICS}
    island |= {node.output[0] for node in graph.node if _is_depthwise(node, weights)}
    ahead = [name for node in graph.node if node.op_type == CONTROLLER for name in node.input]
    while ahead:
        node = producers.get(ahead.pop())
        if node is not None:
            island.add(node.output[0])
            ahead += [] if node.op_type in _LINEAR else node.input
    return island


def _is_depthwise(node: NodeProto, weights: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether a convolution's every filter sees one channel.

    Such filters are often differences of large weights, and no sum over channels averages their rounding
    away: in EfficientNet-Lite0 they make half of float16's error, and few of its multiplications.
    """
    return node.op_type == "Conv" and node.input[1] in weights and weights[node.input[1]].dims[1] == 1


def _float_values(model: onnx.ModelProto) -> set[str]:
    """Names of the graph's values whose elements are float32."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    typed = [*graph.value_info, *graph.input, *graph.output]
    names = {value.name for value in typed if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    return names | {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}


class _Converter:
    """Gives every float value of a graph its type, in place, and casts where float16 and float32 meet."""

    def __init__(self, graph: onnx.GraphProto, floats: set[str]) -> None:
        self.graph, self.floats, self.island = graph, floats, float32_island(graph)
        self.weights = {tensor.name: tensor for tensor in graph.initializer}
        self.half: set[str] = set()  # names of the values that are float16 by now
        self.cast: set[str] = set()  # names of the casts' outputs

    def convert(self) -> None:
        nodes = list(self.graph.node)
        del self.graph.node[:]
        for node in nodes:
            self._convert_node(node)
            self.graph.node.append(node)
        used = {name for node in self.graph.node for name in node.input}
        del self.graph.initializer[:]
        self.graph.initializer.extend(tensor for name, tensor in self.weights.items() if name in used)

    def _convert_node(self, node: NodeProto) -> None:
        wide = node.output[0] in self.island
        for index, name in enumerate(node.input):
            if name in self.floats:
                node.input[index] = self._typed(name, wide or (node.op_type, index) == _SCALES)
        if not wide:
            _halve_attributes(node)
            self.half |= self.floats.intersection(node.output)

    def _typed(self, name: str, wide: bool) -> str:
        """The name of a value in float32 (``wide``) or float16; it is made where it is not there yet."""
        if (name in self.half) != wide:
            return name
        typed = f"{name}_{'fp32' if wide else 'fp16'}"
        if name in self.weights:
            self.weights.setdefault(typed, _halved(self.weights[name], typed))
        elif typed not in self.cast:
            self.cast.add(typed)
            kind = TensorProto.FLOAT if wide else TensorProto.FLOAT16
            self.graph.node.append(helper.make_node("Cast", [name], [typed], name=f"{typed}_cast", to=kind))
        return typed


def _halve_attributes(node: NodeProto) -> None:
    """Types that a node's attributes say, float32 made float16."""
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            raise PrecisionError(
                f"node {node.name} ({node.op_type}) has a body of its own: rewrite the classifier without it"
            )
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        if attribute.type == AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(_halved(attribute.t, attribute.t.name))


def _halved(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    with np.errstate(over="ignore"):
        values = numpy_helper.to_array(tensor).astype(np.float16)
    if not np.isfinite(values).all():
        raise PrecisionError(f"{tensor.name} holds values beyond float16's 65504: keep the model in fp32")
    return numpy_helper.from_array(values, name)


@dataclass(frozen=True)
class PrecisionReport:
    """A float16 graph against the float32 one, over images, each explained for its predicted class.

    Attributes:
        images: how many.
        largest_probability_difference: over all classes.
        largest_saliency_difference: over all mask pixels.
        smallest_rank_correlation: Spearman's, of the two maps of an image.
        different_class: images whose predicted class differs.
    """

    images: int
    largest_probability_difference: float
    largest_saliency_difference: float
    smallest_rank_correlation: float
    different_class: int

    def passes(self) -> bool:
        """Whether probabilities and rankings are within their bounds."""
        return (
            self.largest_probability_difference <= LARGEST_PROBABILITY_DIFFERENCE
            and self.smallest_rank_correlation >= SMALLEST_RANK_CORRELATION
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-safe."""
        return {**dataclasses.asdict(self), "passes": self.passes()}


def compare_precisions(full: bytes, half: bytes, frames: NDArray[np.uint8]) -> PrecisionReport:
    """Runs both graphs in ONNX Runtime on the CPU.

    ONNX Runtime has few float16 operators on a CPU: it rounds the weights and computes in float32 where it
    has none.

    Args:
        full: content of the float32 file.
        half: content of the float16 file.
        frames: N x S x S x 3 uint8 RGB.
    """
    from whyframe_export.parity import rank_correlation  # imports PyTorch, which a conversion does not need

    unasked = np.full(len(frames), -1, np.int64)
    p32, class_id, maps32 = open_backend("onnxruntime", full).explain(frames, unasked)
    p16, _, maps16 = open_backend("onnxruntime", half).explain(frames, class_id)
    return PrecisionReport(
        images=len(frames),
        largest_probability_difference=float(np.abs(p32 - p16).max()),
        largest_saliency_difference=float(np.abs(maps32 - maps16).max()),
        smallest_rank_correlation=min(map(rank_correlation, maps32, maps16)),
        different_class=int((p32.argmax(1) != p16.argmax(1)).sum()),
    )
