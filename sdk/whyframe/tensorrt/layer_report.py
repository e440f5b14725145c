"""Report of an engine's layers: as parsed and, on a GPU that can load the engine, as fused by TensorRT."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from whyframe.errors import BackendError
from whyframe.tensorrt import plugin
from whyframe.tensorrt.api import ComputeCapability, TensorRT
from whyframe.tensorrt.build import parse_network
from whyframe.tensorrt.enginefile import EngineFile

__all__ = ["Layer", "engine_report", "fused_layers", "layer_table", "network_layers", "report_text"]


class Layer(NamedTuple):
    """A layer of a network.

    Attributes:
        name: Name in the ONNX file.
        kind: TensorRT's name of the layer's type, such as CONVOLUTION or PLUGIN_V3.
        precision: Data type of the first output, such as FLOAT or HALF.
        shape: Shape of the first output; -1 stands for the batch.
    """

    name: str
    kind: str
    precision: str
    shape: tuple[int, ...]


def engine_report(
    model: bytes, engine: EngineFile, trt: TensorRT, device: ComputeCapability | None
) -> dict[str, Any]:
    """Return the contents of an engine file as JSON-safe values.

    Args:
        model: Content of the ONNX file that was compiled.
        engine: The compiled engine file.
        trt: TensorRT that compiled the engine file.
        device: Compute capability of this machine's GPU; None if there is no GPU.

    Returns:
        ``builder``, name and version of TensorRT; ``bytes``, the size of each engine; ``network``, the layers before
        they are fused; and ``fused``, the layers after, if the engine runs on this GPU.
    """
    sizes = {name: len(getattr(engine, name)) for name in ("explainer", "classifier", "refine_classifier")}
    layers = [layer._asdict() for layer in network_layers(model, engine.plugin, trt)]
    report = {"builder": str(trt), "bytes": sizes, "network": layers}
    if device is not None and engine.runs_on(device):
        report["fused"] = fused_layers(engine.explainer, trt)
    return report


def report_text(report: dict[str, Any]) -> str:
    """Return an `engine_report` as text."""
    sizes = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in report["bytes"].items())
    table = layer_table([Layer(**layer) for layer in report["network"]])
    fused = "".join(f"{layer}\n" for layer in ["", "fused:", *report["fused"]]) if "fused" in report else ""
    return f"{report['builder']}: {sizes}\n\n{table}\n{fused}"


def network_layers(model: bytes, with_plugin: bool, trt: TensorRT) -> list[Layer]:
    """Return the layers of a model before the builder fuses them; this needs no GPU.

    Args:
        model: Content of an ONNX file.
        with_plugin: Whether the project's plugin replaces the body of the controller's function.
        trt: TensorRT that parses the model.

    Raises:
        BackendError: TensorRT does not support a node of the model.
    """
    network = parse_network(model, with_plugin, trt)
    definition = network.definition
    return [_layer(definition.get_layer(index)) for index in range(definition.num_layers)]


def fused_layers(plan: bytes, trt: TensorRT) -> list[Any]:
    """Return the fused layers of an engine from TensorRT's inspector; this needs the GPU the engine was built for.

    Args:
        plan: The serialised engine.
        trt: TensorRT that built the engine.

    Raises:
        BackendError: TensorRT cannot load the engine; with its own message.
    """
    module, logger = trt.module, trt.logger()
    runtime = module.Runtime(logger)
    plugin.register(runtime.get_plugin_registry(), trt)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise BackendError(f"{trt} cannot load the engine ({trt.messages(logger)}); compile it again.")
    layers = engine.create_engine_inspector().get_engine_information(module.LayerInformationFormat.JSON)
    return json.loads(layers)["Layers"]


def layer_table(layers: Sequence[Layer]) -> str:
    """Return the layers as a table of aligned text, a layer on each line."""
    rows = [("layer", "type", "precision", "shape"), *(_row(layer) for layer in layers)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(layer: Layer) -> tuple[str, str, str, str]:
    return layer.name, layer.kind, layer.precision, " x ".join(map(str, layer.shape))


def _layer(layer: Any) -> Layer:
    output = layer.get_output(0)
    return Layer(layer.name, layer.type.name, output.dtype.name, tuple(output.shape))
