"""The distribution controller as an ONNX model-local function, `whyframe::DistributionController`.

The function's body consists of standard operators, so any ONNX runtime can execute it. TensorRT can replace the
call with the project's plugin, which reads the attributes of the call. Means and variances are computed in float32
even in a float16 graph. The names of nodes and values below are part of the exported file.
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
    """Return the node that calls the function on N x h x w logits; its output is N x h x w float32 in [0, 1].

    Args:
        logit_map: Name of the graph value with the logits.
        saliency: Name of the graph value for the scores.
        controller: ``{"name": "ct", "eta": 1.5, "h": 2.5}``, or ``{"name": NAME}`` with bt, sigmoid, square or minmax.
        epsilon: Constant that is added to the variance (Fu et al. 2022, Eq. 5).
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
    """Return the function with the body of one controller; `eta` and `h` stay attributes of the call.

    Args:
        controller: The same mapping as for `controller_call`.

    Raises:
        ValueError: The controller's name is unknown.
    """
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
    """Return the nodes of the instance normalisation (Fu et al. 2022, Eq. 5).

    The operator needs a channel axis, and a scale and a bias for it.
    """
    return [
        _constant("channel", np.array([1], np.int64)),
        _op("Unsqueeze", ["wide", "channel"], ["planes"]),
        _constant("one", np.ones(1, np.float32)),
        _constant("nought", np.zeros(1, np.float32)),
        _op("InstanceNormalization", ["planes", "one", "nought"], ["normal_planes"], epsilon="epsilon"),
        _op("Squeeze", ["normal_planes", "channel"], ["z"]),
    ]


def _customized() -> list[NodeProto]:
    """Return the body of CT, sigmoid(eta z) ** h (Fu et al. 2022, Eq. 7)."""
    return [
        *_normalise(),
        _op("Constant", [], ["eta_value"], value_float="eta"),
        _op("Constant", [], ["h_value"], value_float="h"),
        _op("Mul", ["z", "eta_value"], ["steep"]),
        _op("Sigmoid", ["steep"], ["uniform"]),
        _op("Pow", ["uniform", "h_value"], ["saliency"]),
    ]


def _basic() -> list[NodeProto]:
    """Return the body of BT, ReLU(z) / max ReLU(z) (Fu et al. 2022, Eq. 6, scaled); a constant map gives zeros."""
    return [*_normalise(), _op("Relu", ["z"], ["positive"]), *_to_peak()]


def _square() -> list[NodeProto]:
    """Return the body of z ** 2 / max z ** 2 (Fu et al. 2022, Fig. 2c); a constant map gives zeros."""
    return [*_normalise(), _op("Mul", ["z", "z"], ["positive"]), *_to_peak()]


def _sigmoid() -> list[NodeProto]:
    """Return the body of MGnet's sigmoid, which does not normalise."""
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
    """Return the body that scales a map to [0, 1] by its minimum and maximum; a constant map gives zeros."""
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
    """Return a node; a string as an attribute's value is a reference to the function's attribute of that name."""
    references = {key: value for key, value in attributes.items() if isinstance(value, str)}
    node = helper.make_node(
        kind, inputs, outputs, **{k: v for k, v in attributes.items() if k not in references}
    )
    for key, source in references.items():
        node.attribute.append(AttributeProto(name=key, type=AttributeProto.FLOAT, ref_attr_name=source))
    return node


def _constant(name: str, value: np.ndarray) -> NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))
