"""Conversion of a fused float32 graph to float16, with sensitive parts left in float32.

Three parts stay in float32: the softmax or sigmoid; everything from the mask's last convolution (or the product of the
class activation map) through the normalisations to the controller; and the depthwise convolutions. Values between the
nodes of such a part are not rounded to float16, as they would be by a converter that casts around each node. The
graph's inputs and outputs keep their types, and the controller keeps its function call.
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
from whyframe_export.rank_correlation import rank_correlation

LARGEST_PROBABILITY_DIFFERENCE = 1e-2
"""Largest accepted absolute difference of a probability between float16 and float32."""

SMALLEST_RANK_CORRELATION = 0.999
"""Smallest accepted rank correlation of a map in float16 and float32."""

_LINEAR = {"Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum"}
_ACTIVATIONS = {
    "Softmax",
    "LogSoftmax",
    "Sigmoid",
    "Exp",
    "Log",
    "Clip",
    "Concat",
    "Sub",
    "Neg",
    "Div",
    "ReduceSum",
}
_STATISTICS = {"InstanceNormalization", "LayerNormalization", "GroupNormalization"}
_SCALES = ("Resize", 2)
"""Operator and index of an input that ONNX defines as float32, whatever the type of the other inputs."""


class PrecisionError(WhyframeError):
    """A graph that float16 cannot represent, or whose results in float16 differ by too much."""


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph in float16, except for the parts that stay in float32.

    Args:
        model: Fused graph in float32. It is not changed.

    Returns:
        A new model. It still carries the manifest of `model`, which `Manifest.write` replaces.

    Raises:
        PrecisionError: A weight is outside the range of float16, or an operator contains a subgraph.
    """
    half = copy.deepcopy(model)
    del half.graph.value_info[:]  # it states the old types
    _Converter(half.graph, _float_values(model)).convert()
    onnx.checker.check_model(half, full_check=True)
    return half


def float32_island(graph: onnx.GraphProto) -> set[str]:
    """Return the nodes that stay in float32, each by the name of its first output.

    These are the nodes that compute the graph's outputs (the probabilities from the network's last linear layer on),
    the normalisations, the depthwise convolutions, and all nodes from the controller back to the nearest linear
    operators, which are included.
    """
    producers = {name: node for node in graph.node for name in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    island = {producers[output.name].output[0] for output in graph.output}
    island |= {node.output[0] for node in graph.node if node.op_type in _STATISTICS}
    island |= {node.output[0] for node in graph.node if _is_depthwise(node, weights)}
    island |= _activations(producers, "probabilities")
    pending = [name for node in graph.node if node.op_type == CONTROLLER for name in node.input]
    while pending:
        node = producers.get(pending.pop())
        if node is not None:
            island.add(node.output[0])
            pending += [] if node.op_type in _LINEAR else node.input
    return island


def _activations(producers: Mapping[str, NodeProto], output: str) -> set[str]:
    """Return the nodes that turn the network's logits into an output, each by the name of its first output."""
    found: set[str] = set()
    pending = [output]
    while pending:
        node = producers.get(pending.pop())
        if node is not None and node.op_type in _ACTIVATIONS:
            found.add(node.output[0])
            pending += node.input
    return found


def _is_depthwise(node: NodeProto, weights: Mapping[str, onnx.TensorProto]) -> bool:
    """Return whether a node is a convolution whose filters read one channel each.

    Such filters are often differences of large weights, and there is no sum over channels that would average out
    their rounding errors. In EfficientNet-Lite0 they cause half of the error of float16, with few of the
    multiplications.
    """
    return node.op_type == "Conv" and node.input[1] in weights and weights[node.input[1]].dims[1] == 1


def _float_values(model: onnx.ModelProto) -> set[str]:
    """Return the names of the graph's float32 values, including weights."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    typed = [*graph.value_info, *graph.input, *graph.output]
    names = {value.name for value in typed if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    return names | {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}


class _Converter:
    """Conversion of one graph in place, with casts where float16 and float32 meet.

    Args:
        graph: The graph to convert.
        floats: Names of its float32 values.
    """

    def __init__(self, graph: onnx.GraphProto, floats: set[str]) -> None:
        self.graph, self.floats, self.island = graph, floats, float32_island(graph)
        self.weights = {tensor.name: tensor for tensor in graph.initializer}
        self.half: set[str] = set()  # values that are float16 by now
        self.cast: set[str] = set()  # outputs of the casts that were added

    def convert(self) -> None:
        """Convert the nodes and the weights, and remove the weights that are no longer used."""
        nodes = list(self.graph.node)
        del self.graph.node[:]
        for node in nodes:
            self._convert_node(node)
            self.graph.node.append(node)
        used = {name for node in self.graph.node for name in node.input}
        del self.graph.initializer[:]
        self.graph.initializer.extend(tensor for name, tensor in self.weights.items() if name in used)

    def _convert_node(self, node: NodeProto) -> None:
        in_float32 = node.output[0] in self.island
        for index, name in enumerate(node.input):
            if name in self.floats:
                node.input[index] = self._typed(name, in_float32 or (node.op_type, index) == _SCALES)
        if not in_float32:
            _halve_attributes(node)
            self.half |= self.floats.intersection(node.output)

    def _typed(self, name: str, in_float32: bool) -> str:
        """Return the name of a value in float32 or float16, after adding a cast or a converted weight if needed."""
        if (name in self.half) != in_float32:
            return name
        typed = f"{name}_{'fp32' if in_float32 else 'fp16'}"
        if name in self.weights:
            self.weights.setdefault(typed, _halved(self.weights[name], typed))
        elif typed not in self.cast:
            self.cast.add(typed)
            kind = TensorProto.FLOAT if in_float32 else TensorProto.FLOAT16
            self.graph.node.append(helper.make_node("Cast", [name], [typed], name=f"{typed}_cast", to=kind))
        return typed


def _halve_attributes(node: NodeProto) -> None:
    """Change float32 to float16 in the attributes of a node: the type of a cast, the value of a constant."""
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            raise PrecisionError(
                f"node {node.name} ({node.op_type}) contains a subgraph: rewrite the classifier without it"
            )
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        if attribute.type == AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(_halved(attribute.t, attribute.t.name))


def _halved(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    with np.errstate(over="ignore"):
        values = numpy_helper.to_array(tensor).astype(np.float16)
    if not np.isfinite(values).all():
        raise PrecisionError(
            f"{tensor.name} has values outside the range of float16, -65504 to 65504: keep the model in fp32"
        )
    return numpy_helper.from_array(values, name)


@dataclass(frozen=True)
class PrecisionReport:
    """Comparison of a float16 graph with its float32 graph, on images that are explained for their predicted class.

    Attributes:
        images: Number of images.
        largest_probability_difference: Largest absolute difference, over all images and classes.
        largest_saliency_difference: Largest absolute difference, over all images and mask pixels.
        smallest_rank_correlation: Smallest Spearman's rank correlation of the two maps of an image.
        different_class: Number of images whose predicted class differs.
    """

    images: int
    largest_probability_difference: float
    largest_saliency_difference: float
    smallest_rank_correlation: float
    different_class: int

    def passes(self) -> bool:
        """Return whether the probabilities and the rankings of pixels agree well enough."""
        return (
            self.largest_probability_difference <= LARGEST_PROBABILITY_DIFFERENCE
            and self.smallest_rank_correlation >= SMALLEST_RANK_CORRELATION
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes and the verdict as JSON values."""
        return {**dataclasses.asdict(self), "passes": self.passes()}


def compare_precisions(full: bytes, half: bytes, frames: NDArray[np.uint8]) -> PrecisionReport:
    """Compare two graphs in ONNX Runtime on the CPU.

    ONNX Runtime has few float16 operators for a CPU. Where it has none, it rounds the weights and computes in
    float32.

    Args:
        full: Content of the float32 file.
        half: Content of the float16 file.
        frames: N x S x S x 3 uint8 RGB.

    Returns:
        The differences of the float16 graph.
    """
    predicted = np.full(len(frames), -1, np.int64)
    p32, class_id, maps32 = open_backend("onnxruntime", full).explain(frames, predicted)
    p16, _, maps16 = open_backend("onnxruntime", half).explain(frames, class_id)
    return PrecisionReport(
        images=len(frames),
        largest_probability_difference=float(np.abs(p32 - p16).max()),
        largest_saliency_difference=float(np.abs(maps32 - maps16).max()),
        smallest_rank_correlation=min(map(rank_correlation, maps32, maps16)),
        different_class=int((p32.argmax(1) != p16.argmax(1)).sum()),
    )
