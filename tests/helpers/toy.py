"""A tiny fused model without trained weights, and a reference of its outputs in float64 numpy.

The frame is normalised to (x / 255 - 0.5) / 0.25 and averaged over s x s cells. The logits are a linear map
of the mean over the cells, as in a network that ends in pooling and a linear layer. The mean of a class's logit map
(its class activation map) is therefore its logit. The controller is applied to that map.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from whyframe.input_spec import InputSpec
from whyframe.manifest import Manifest
from whyframe.resize_rule import ResizeRule

LABELS = ("red", "green", "blue", "white, bright", "black, dark")
WEIGHTS = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2], [1, 1, 1], [-1, -1, -1]], np.float64)
ALPHA_WEIGHTS = np.array([[1], [-1], [0.5], [0], [0]], np.float64)
ETA, H, EPSILON = 1.5, 2.5, 1e-5
DOMAIN = "whyframe"


@dataclass(frozen=True)
class Toy:
    """Options of the toy model.

    Attributes:
        side: Side S of the input, in pixels.
        mask_side: Side s of the mask, in pixels; a divisor of S.
        mode: Name of the controller, "ct" or "bt".
        batch: Fixed batch size; None for a dynamic batch size.
        resize: The manifest's resize rule.
        gain: Factor of the logits; a large factor makes the classifier certain.
        constant: Whether the logit map is constant, so that no map carries a signal.
        ignores_target: Whether the map is always the map of the predicted class.
        width: Width of the input, in pixels, a multiple of the cell S / s; None for a square.
        channels: Number of channels, 1 (grey), 3 or 4 (with alpha).
        rule: Resize rule of the input; None for the fast rule of ``resize``.
        breaks_when: Target for which explaining fails at run time while classifying works; None for no such target.
    """

    side: int = 16
    mask_side: int = 4
    mode: str = "ct"
    batch: int | None = None
    resize: str = "stretch"
    gain: float = 2.0
    constant: bool = False
    ignores_target: bool = False
    width: int | None = None
    channels: int = 3
    rule: ResizeRule | None = None
    breaks_when: int | None = None

    def manifest(self) -> Manifest:
        parameters = {"eta": ETA, "h": H} if self.mode == "ct" else {}
        return Manifest(
            labels=LABELS,
            input=self.input(),
            mask_height=self.mask_side,
            mask_width=self.mask_width,
            explainer="cam",
            controller={"name": self.mode, **parameters},
            classifier="toy",
            batch=self.batch,
            whyframe_version="0.1.0",
        )

    def input(self) -> InputSpec:
        color = {1: "grey", 3: "rgb", 4: "rgba"}[self.channels]
        rule = self.rule or ResizeRule(mode=self.resize)
        normalisation = {} if self.channels == 3 else {"mean": (), "std": ()}
        return InputSpec(
            height=self.side,
            width=self.columns,
            channels=self.channels,
            color=color,
            resize=rule,
            **normalisation,
        )

    @property
    def columns(self) -> int:
        return self.side if self.width is None else self.width

    @property
    def mask_width(self) -> int:
        return self.columns // (self.side // self.mask_side)

    @property
    def weights(self) -> np.ndarray:
        """The classes' weights of the channels, classes x channels."""
        return np.concatenate([WEIGHTS, ALPHA_WEIGHTS], axis=1)[:, : self.channels]

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Return the N x s x s x 3 float64 cell averages of N x S x S x 3 uint8 RGB frames."""
        cell = self.side // self.mask_side
        pixels = (np.asarray(frames, np.float64) / 255 - 0.5) / 0.25
        return pixels.reshape(-1, self.mask_side, cell, self.mask_width, cell, self.channels).mean((2, 4))

    def probabilities(self, frames: np.ndarray) -> np.ndarray:
        """Return the N x C float64 probabilities of N x S x S x 3 uint8 RGB frames."""
        logits = self.gain * self.features(frames).mean((1, 2)) @ self.weights.T
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def logit_map(self, frames: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        """Return the N x s x s float64 logit maps, the input of the controller."""
        maps = self.gain * np.einsum("nhwk,nk->nhw", self.features(frames), self.weights[class_ids])
        return np.zeros_like(maps) if self.constant else maps

    def saliency(self, frames: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        """Return the N x s x s float64 saliency in [0, 1]."""
        maps = self.logit_map(frames, class_ids)
        z = (maps - maps.mean((1, 2), keepdims=True)) / np.sqrt(maps.var((1, 2), keepdims=True) + EPSILON)
        if self.mode == "ct":
            return (1 / (1 + np.exp(-ETA * z))) ** H
        kept = np.maximum(z, 0)
        return kept / np.maximum(kept.max((1, 2), keepdims=True), EPSILON)

    def reference(self, frames: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the outputs of the graph contract, (probabilities, class_id, saliency), in float64."""
        probabilities = self.probabilities(frames)
        class_id = np.where(np.asarray(targets) < 0, probabilities.argmax(1), targets)
        return probabilities, class_id, self.saliency(frames, class_id)

    def model(self) -> onnx.ModelProto:
        """Return the fused graph, without a manifest."""
        return _model(self)

    def write(self, path: str | Path, manifest: Manifest | None = None) -> Path:
        """Write the model with its manifest, or with a given manifest, and return the path."""
        (manifest or self.manifest()).write(self.model(), path)
        return Path(path)


def write(path: str | Path, **options: Any) -> Path:
    """Write `Toy(**options)` with its manifest and return the path."""
    return Toy(**options).write(path)


def write_without_manifest(path: str | Path, toy: Toy | None = None) -> Path:
    """Write a model that keeps the graph contract but has no manifest."""
    onnx.save((toy or Toy()).model(), str(path))
    return Path(path)


def write_newer_schema(path: str | Path) -> Path:
    """Write an undamaged file with a manifest of a later schema."""
    zeros = "0" * 64
    values = {**Toy().manifest().to_dict(), "schema_version": 99, "a_new_field": 1, "digest": zeros}
    model = Toy().model()
    helper.set_model_props(model, {"whyframe": json.dumps(values)})
    data = model.SerializeToString()
    Path(path).write_bytes(data.replace(zeros.encode(), hashlib.sha256(data).hexdigest().encode()))
    return Path(path)


def write_wrong_outputs(path: str | Path, change: str = "renamed") -> Path:
    """Write an undamaged file whose outputs break the contract: "renamed", "missing", "double" or "rank"."""
    model = Toy().model()
    saliency = model.graph.output[2]
    if change == "missing":
        del model.graph.output[2]
    else:
        op, attributes, kind, shape = {
            "renamed": ("Identity", {}, TensorProto.FLOAT, ["N", 4, 4]),
            "double": ("Cast", {"to": TensorProto.DOUBLE}, TensorProto.DOUBLE, ["N", 4, 4]),
            "rank": ("Flatten", {}, TensorProto.FLOAT, ["N", 16]),
        }[change]
        name = "heatmap" if change == "renamed" else "saliency"
        _rename(model, "saliency", "scores")
        model.graph.node.append(helper.make_node(op, ["scores"], [name], **attributes))
        saliency.CopyFrom(helper.make_tensor_value_info(name, kind, shape))
    Toy().manifest().write(model, path)
    return Path(path)


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        node.output[:] = [new if name == old else name for name in node.output]


def _model(toy: Toy) -> onnx.ModelProto:
    n = toy.batch if toy.batch is not None else "N"
    graph = helper.make_graph(
        _nodes(toy),
        "toy",
        [
            helper.make_tensor_value_info("frames", TensorProto.UINT8, [n, *toy.input().shape]),
            helper.make_tensor_value_info("target", TensorProto.INT64, [n]),
        ],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [n, len(LABELS)]),
            helper.make_tensor_value_info("class_id", TensorProto.INT64, [n]),
            helper.make_tensor_value_info("saliency", TensorProto.FLOAT, [n, toy.mask_side, toy.mask_width]),
        ],
        _constants(toy),
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(graph, opset_imports=imports, functions=[_controller(toy.mode)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def _constants(toy: Toy) -> list[onnx.TensorProto]:
    values = {
        "weights": (toy.gain * toy.weights).astype(np.float32),
        "weights_t": (toy.gain * toy.weights.T).astype(np.float32),
        "scale": np.float32(1 / (255 * 0.25)),
        "shift": np.float32(0.5 / 0.25),
        "space": np.array([2, 3], np.int64),
        "channel": np.array([1], np.int64),
        "column": np.array([-1, toy.channels, 1, 1], np.int64),
        "zero": np.int64(0),
        "last": np.int64(len(LABELS) - 1),
        "nothing": np.float32(0 if toy.constant else 1),
        "breaking": np.int64(-9 if toy.breaks_when is None else toy.breaks_when),
        "far": np.int64(1_000_000),
    }
    return [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]


def _nodes(toy: Toy) -> list[onnx.NodeProto]:
    node, cell = helper.make_node, toy.side // toy.mask_side
    parameters = {"mode": toy.mode, "eta": ETA, "h": H, "epsilon": EPSILON}
    return [
        node("Cast", ["frames"], ["pixels"], to=TensorProto.FLOAT),
        node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        node("Mul", ["planes", "scale"], ["scaled"]),
        node("Sub", ["scaled", "shift"], ["normal"]),
        node("AveragePool", ["normal"], ["features"], kernel_shape=[cell, cell], strides=[cell, cell]),
        node("ReduceMean", ["features", "space"], ["pooled"], keepdims=0),
        node("MatMul", ["pooled", "weights_t"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
        node("ArgMax", ["probabilities"], ["predicted"], axis=1, keepdims=0),
        node("Less", ["target", "zero"], ["unasked"]),
        node("Min", ["target", "last"], ["clamped"]),
        node("Where", ["unasked", "predicted", "clamped"], ["class_id"]),
        # A class far outside the weights makes this Gather fail at run time, and only this branch.
        node("Equal", ["target", "breaking"], ["broken"]),
        node("Where", ["broken", "far", "predicted" if toy.ignores_target else "class_id"], ["row"]),
        node("Gather", ["weights", "row"], ["chosen"], axis=0),
        node("Reshape", ["chosen", "column"], ["embedding"]),
        node("Mul", ["features", "embedding"], ["weighted"]),
        node("ReduceSum", ["weighted", "channel"], ["summed"], keepdims=0),
        node("Mul", ["summed", "nothing"], ["logit_map"]),
        node("DistributionController", ["logit_map"], ["saliency"], domain=DOMAIN, **parameters),
    ]


def _controller(mode: str) -> onnx.FunctionProto:
    """Return the model-local function whyframe::DistributionController for a controller."""
    node = helper.make_node
    nodes = [
        node("Constant", [], ["axes"], value_ints=[1, 2]),
        _attribute_constant("epsilon"),
        node("ReduceMean", ["scores", "axes"], ["mean"], keepdims=1),
        node("Sub", ["scores", "mean"], ["centred"]),
        node("Mul", ["centred", "centred"], ["squared"]),
        node("ReduceMean", ["squared", "axes"], ["variance"], keepdims=1),
        node("Add", ["variance", "epsilon"], ["padded"]),
        node("Sqrt", ["padded"], ["deviation"]),
        node("Div", ["centred", "deviation"], ["z"]),
        *(_ct_nodes() if mode == "ct" else _bt_nodes()),
    ]
    return helper.make_function(
        DOMAIN,
        "DistributionController",
        ["scores"],
        ["saliency"],
        nodes,
        [helper.make_opsetid("", 18)],
        attributes=["mode", "eta", "h", "epsilon"],
    )


def _ct_nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        _attribute_constant("eta"),
        _attribute_constant("h"),
        node("Mul", ["z", "eta"], ["steep"]),
        node("Sigmoid", ["steep"], ["uniform"]),
        node("Pow", ["uniform", "h"], ["saliency"]),
    ]


def _bt_nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Relu", ["z"], ["kept"]),
        node("ReduceMax", ["kept", "axes"], ["top"], keepdims=1),
        node("Max", ["top", "epsilon"], ["divisor"]),
        node("Div", ["kept", "divisor"], ["saliency"]),
    ]


def _attribute_constant(name: str) -> onnx.NodeProto:
    constant = helper.make_node("Constant", [], [name])
    reference = onnx.AttributeProto(name="value_float", ref_attr_name=name, type=onnx.AttributeProto.FLOAT)
    constant.attribute.append(reference)
    return constant
