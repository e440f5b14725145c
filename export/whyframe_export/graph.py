"""The fused ONNX graph, traced from PyTorch, with the controller as an ONNX function."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from whyframe.errors import WhyframeError
from whyframe.input_spec import InputSpec
from whyframe_export.controller_function import DOMAIN, OPSET, VERSION, controller_call, controller_function
from whyframe_export.fused import FusedClassifier
from whyframe_training.functional import EPSILON


class ExportError(WhyframeError):
    """A network that cannot be exported as a fused graph."""


IR_VERSION = 10
"""Newest IR version that is written. The onnx package can write newer versions, which ONNX Runtime refuses."""

OUTPUTS = ("probabilities", "class_id", "logit_map")


def fused_graph(
    fused: FusedClassifier, spec: InputSpec, controller: Mapping[str, Any], batch: int | None
) -> onnx.ModelProto:
    """Return the classifier, the explainer and the controller as one ONNX model, without a manifest.

    Args:
        fused: Classifier and explainer, in float32 on the CPU.
        spec: The classifier's input.
        controller: The controller as the manifest describes it, such as ``{"name": "ct", "eta": 1.5, "h": 2.5}``.
        batch: Fixed batch size; None for a dynamic batch size.

    Raises:
        ExportError: PyTorch cannot export the network, or its code fixes a batch size that should be dynamic.
    """
    model = _torch_graph(_with_plain_pooling(fused.eval()), spec, batch)
    _share_initializers(model)
    _remove_stack_traces(model)
    _add_controller(model, controller, dynamic=batch is None)
    model.ir_version = min(model.ir_version, IR_VERSION)
    model.producer_name = "whyframe"
    onnx.checker.check_model(model, full_check=True)
    return model


def _remove_stack_traces(model: onnx.ModelProto) -> None:
    """Remove the exporter's stack traces, which contain file names of this machine."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]


class _GlobalMean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3), keepdim=True)


def _with_plain_pooling(fused: FusedClassifier) -> FusedClassifier:
    """Return a copy with global average pooling as a mean: adaptive pooling exports as a dozen shape operators."""
    fused = copy.deepcopy(fused)
    for name, module in list(fused.named_modules()):
        if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size in (1, (1, 1)):
            fused.set_submodule(name, _GlobalMean())
    return fused


def _torch_graph(fused: FusedClassifier, spec: InputSpec, batch: int | None) -> onnx.ModelProto:
    count = batch or 2
    frames = torch.zeros(count, *spec.shape, dtype=torch.uint8)
    target = torch.full((count,), -1)
    dynamic = None if batch else {"frames": {0: torch.export.Dim("N")}, "target": {0: torch.export.Dim("N")}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*axis name: N will not be used.*")
        program = torch.onnx.export(
            fused,
            (frames, target),
            input_names=["frames", "target"],
            output_names=list(OUTPUTS),
            opset_version=OPSET,
            dynamic_shapes=dynamic,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("torch.onnx.export returned no program: export with PyTorch 2.11 or later")
    return program.model_proto


def _share_initializers(model: onnx.ModelProto) -> None:
    """Store equal weights once: the class embedding is often a copy of the classifier's last layer."""
    first: dict[tuple[Any, ...], str] = {}
    renamed: dict[str, str] = {}
    kept = []
    for tensor in model.graph.initializer:
        key = (tensor.data_type, tuple(tensor.dims), numpy_helper.to_array(tensor).tobytes())
        if first.setdefault(key, tensor.name) == tensor.name:
            kept.append(tensor)
        else:
            renamed[tensor.name] = first[key]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]


def _add_controller(model: onnx.ModelProto, controller: Mapping[str, Any], dynamic: bool) -> None:
    """Append the controller's call to the logit map, and add its function to the model."""
    graph = model.graph
    logit_map = next(output for output in graph.output if output.name == "logit_map")
    shape = [axis.dim_param or axis.dim_value for axis in logit_map.type.tensor_type.shape.dim]
    if dynamic and isinstance(shape[0], int):
        raise ExportError(
            f"the classifier's code fixes the batch size at {shape[0]}, because it takes a size with len() or int(): "
            "use tensor.shape there, or export with --batch 1"
        )
    graph.node.append(controller_call("logit_map", "saliency", controller, EPSILON))
    graph.output.remove(logit_map)
    graph.output.append(helper.make_tensor_value_info("saliency", TensorProto.FLOAT, shape))
    model.functions.append(controller_function(controller))
    model.opset_import.append(helper.make_opsetid(DOMAIN, VERSION))
