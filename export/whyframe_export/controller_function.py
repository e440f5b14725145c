"""The distribution controller as an ONNX model-local function, `whyframe::DistributionController`.

A runtime that knows nothing of whyframe runs the function's body of standard operators; TensorRT may put the
project's plugin in its place, by the attributes on the call. Statistics are float32 whatever the graph's type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import AttributeProto, FunctionProto, NodeProto, helper, numpy_helper

DOMAIN, NAME, VERSION = "whyframe", "DistributionController", 1
OPSET = 18
_TINY = float(np.finfo(np.float32).tiny)


def controller_call(
    logit_map: str, saliency: str, controller: Mapping[str, Any], epsilon: float
) -> NodeProto:
    """The node that calls the function: N x h x w logits to N x h x w scores in [0, 1], float32.

    Args:
        logit_map: the input's name.
        saliency: the output's name.
        controller: `{"name": "ct", "eta": ..., "h": ...}`, or one of bt, sigmoid, square and minmax by name alone.
        epsilon: added to the variance.
    """
    return helper.make_node(
        NAME,
        [logit_map],
        [saliency],
        name="distribution_controller",
        domain=DOMAIN,
        mode=controller["name"],
        eta=float(controller.get("eta", 0)),
        h=float(controller.get("h", 0)),
        epsilon=float(epsilon),
        plugin_namespace=DOMAIN,
        plugin_version=str(VERSION),
    )


def controller_function(controller: Mapping[str, Any]) -> FunctionProto:
    """The function's body for one controller; its parameters are the call's attributes."""
    bodies = {"ct": _customized, "bt": _basic, "sigmoid": _sigmoid, "square": _square, "minmax": _minmax}
    if controller["name"] not in bodies:
        raise ValueError(f"unknown controller {controller['name']!r}: choose {', '.join(bodies)}")
    return helper.make_function(
        DOMAIN,
        NAME,
        ["logit_map"],
        ["saliency"],
        [_op("Cast", ["logit_map"], ["wide"], to=1), *bodies[controller["name"]]()],
        [helper.make_opsetid("", OPSET)],
        ["mode", "eta", "h", "epsilon", "plugin_namespace", "plugin_version"],
    )


def _normalise() -> list[NodeProto]:
    """Eq. 5. `InstanceNormalization` wants a channel axis, and a scale and a bias for it."""
    return [
        _constant("channel", np.array([1], np.int64)),
        _op("Unsqueeze", ["wide", "channel"], ["planes"]),
        _constant("one", np.ones(1, np.float32)),
        _constant("nought", np.zeros(1, np.float32)),
        _op("InstanceNormalization", ["planes", "one", "nought"], ["normal_planes"], epsilon="epsilon"),
        _op("Squeeze", ["normal_planes", "channel"], ["z"]),
    ]


def _customized() -> list[NodeProto]:
    """Eq. 7: sigmoid(eta z) ** h."""
    return [
        *_normalise(),
        _op("Constant", [], ["eta_value"], value_float="eta"),
        _op("Constant", [], ["h_value"], value_float="h"),
        _op("Mul", ["z", "eta_value"], ["steep"]),
        _op("Sigmoid", ["steep"], ["uniform"]),
        _op("Pow", ["uniform", "h_value"], ["saliency"]),
    ]


def _basic() -> list[NodeProto]:
    """Eq. 6, scaled: ReLU(z) / max ReLU(z); a constant map gives zeros."""
    return [*_normalise(), _op("Relu", ["z"], ["positive"]), *_to_peak()]


def _square() -> list[NodeProto]:
    """Fig. 2(c): z ** 2 / max z ** 2; a constant map gives zeros."""
    return [*_normalise(), _op("Mul", ["z", "z"], ["positive"]), *_to_peak()]


def _sigmoid() -> list[NodeProto]:
    """MGnet's: no normalisation."""
    return [_op("Sigmoid", ["wide"], ["saliency"])]


def _to_peak() -> list[NodeProto]:
    return [
        _constant("axes", np.array([1, 2], np.int64)),
        _op("ReduceMax", ["positive", "axes"], ["peak"], keepdims=1),
        _constant("tiny", np.array(_TINY, np.float32)),
        _op("Max", ["peak", "tiny"], ["divisor"]),
        _op("Div", ["positive", "divisor"], ["saliency"]),
    ]


def _minmax() -> list[NodeProto]:
    """A map by its own range, as the class activation map is shown; a constant map gives zeros."""
    return [
        _constant("axes", np.array([1, 2], np.int64)),
        _op("ReduceMin", ["wide", "axes"], ["low"], keepdims=1),
        _op("ReduceMax", ["wide", "axes"], ["high"], keepdims=1),
        _op("Sub", ["high", "low"], ["range"]),
        _constant("tiny", np.array(_TINY, np.float32)),
        _op("Max", ["range", "tiny"], ["divisor"]),
        _op("Sub", ["wide", "low"], ["raised"]),
        _op("Div", ["raised", "divisor"], ["saliency"]),
    ]


def _op(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> NodeProto:
    """A node; an attribute whose value is a string names the function's attribute that gives it."""
    references = {key: value for key, value in attributes.items() if isinstance(value, str)}
    node = helper.make_node(
        kind, inputs, outputs, **{k: v for k, v in attributes.items() if k not in references}
    )
    for key, source in references.items():
        node.attribute.append(AttributeProto(name=key, type=AttributeProto.FLOAT, ref_attr_name=source))
    return node


def _constant(name: str, value: np.ndarray) -> NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))
