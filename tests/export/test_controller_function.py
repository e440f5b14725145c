"""Comparison of the ONNX function with the PyTorch controllers in float64."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper

from whyframe_export.controller_function import DOMAIN, OPSET, VERSION, controller_call, controller_function
from whyframe_training.functional import EPSILON
from whyframe_training.predictor.controllers import build_controller
from whyframe_training.predictor.min_max import MinMax

SPECS = [
    {"name": "ct", "eta": 1.5, "h": 2.5},
    {"name": "ct", "eta": 0.5, "h": 4.0},
    {"name": "bt"},
    {"name": "sigmoid"},
    {"name": "square"},
    {"name": "minmax"},
]


def session(spec: dict, dtype: int = TensorProto.FLOAT) -> ort.InferenceSession:
    graph = helper.make_graph(
        [controller_call("logit_map", "saliency", spec, EPSILON)],
        "controller",
        [helper.make_tensor_value_info("logit_map", dtype, ["N", "h", "w"])],
        [helper.make_tensor_value_info("saliency", TensorProto.FLOAT, ["N", "h", "w"])],
    )
    model = helper.make_model(
        graph,
        functions=[controller_function(spec)],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)],
        ir_version=10,
    )
    onnx.checker.check_model(model, full_check=True)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def reference(spec: dict) -> torch.nn.Module:
    return MinMax() if spec["name"] == "minmax" else build_controller(spec)


def logits(n: int = 3, side: int = 56) -> np.ndarray:
    return np.random.default_rng(0).normal(3, 7, (n, side, side)).astype(np.float32)


@pytest.mark.parametrize("spec", SPECS)
def test_the_body_equals_the_torch_controller_in_float64(spec: dict) -> None:
    (found,) = session(spec).run(None, {"logit_map": logits()})
    expected = reference(spec)(torch.from_numpy(logits()).double())
    np.testing.assert_allclose(found, expected.numpy(), atol=2e-6)


@pytest.mark.parametrize("spec", SPECS)
def test_a_constant_map_is_not_divided_by_zero(spec: dict) -> None:
    (found,) = session(spec).run(None, {"logit_map": np.full((1, 8, 8), 5.0, np.float32)})
    expected = reference(spec)(torch.full((1, 8, 8), 5.0)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("spec", SPECS)
def test_statistics_are_float32_in_a_float16_graph(spec: dict) -> None:
    half = np.random.default_rng(0).normal(5000, 100, (1, 56, 56)).astype(np.float16)
    (found,) = session(spec, TensorProto.FLOAT16).run(None, {"logit_map": half})
    expected = reference(spec)(torch.from_numpy(half).double())
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-3)


def test_eta_and_h_are_attributes_of_the_call() -> None:
    """The body is the same for every eta and h."""
    steep = controller_function({"name": "ct", "eta": 9.0, "h": 9.0})
    assert steep == controller_function({"name": "ct", "eta": 1.5, "h": 2.5})
    call = controller_call("a", "b", SPECS[1], EPSILON)
    assert {a.name: helper.get_attribute_value(a) for a in call.attribute} == {
        "mode": b"ct", "eta": 0.5, "h": 4.0, "epsilon": pytest.approx(EPSILON),
        "plugin_namespace": b"whyframe", "plugin_version": b"1",
    }  # fmt: skip


def test_an_unknown_controller_is_an_error() -> None:
    with pytest.raises(ValueError, match="choose ct, bt, sigmoid, square, minmax"):
        controller_function({"name": "cube"})
