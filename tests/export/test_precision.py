import dataclasses
import os
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from whyframe import Manifest, ManifestError
from whyframe.images import read_image
from whyframe.input_spec import InputSpec
from whyframe.preprocess import to_input
from whyframe_export import precision
from whyframe_export.bundled_images import bundled_crops
from whyframe_export.controller_function import OPSET, controller_call, controller_function
from whyframe_export.precision import PrecisionError, compare_precisions, float32_island, to_fp16
from whyframe_training.functional import EPSILON
from whyframe_training.predictor.controllers import build_controller

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
CT = {"name": "ct", "eta": 1.5, "h": 2.5}


@pytest.fixture(scope="module")
def full() -> onnx.ModelProto:
    content = (resources.files("whyframe") / "models" / "efficientnet_lite0_ct.onnx").read_bytes()
    return onnx.load_from_string(content)


@pytest.fixture(scope="module")
def half(full: onnx.ModelProto) -> onnx.ModelProto:
    return to_fp16(full)


def types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the element type of each value of a graph."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    values = [*graph.value_info, *graph.input, *graph.output]
    found = {value.name: value.type.tensor_type.elem_type for value in values}
    return found | {tensor.name: tensor.data_type for tensor in graph.initializer}


def test_inputs_and_outputs_keep_their_types(full: onnx.ModelProto, half: onnx.ModelProto) -> None:
    assert list(half.graph.input) == list(full.graph.input)
    assert list(half.graph.output) == list(full.graph.output)
    assert half.opset_import == full.opset_import


def test_the_call_of_the_controller_is_kept(full: onnx.ModelProto, half: onnx.ModelProto) -> None:
    assert list(half.functions) == list(full.functions)
    calls = [[node for node in model.graph.node if node.domain == "whyframe"] for model in (full, half)]
    assert len(calls[1]) == 1
    assert calls[1] == calls[0]
    assert types(half)[calls[1][0].input[0]] == FLOAT


def test_most_of_the_graph_is_float16(full: onnx.ModelProto, half: onnx.ModelProto) -> None:
    weights = Counter({FLOAT: 0, HALF: 0})
    for tensor in half.graph.initializer:
        weights[tensor.data_type] += int(np.prod(tensor.dims))
    assert weights[HALF] > 0.95 * (weights[HALF] + weights[FLOAT])
    assert half.ByteSize() < 0.55 * full.ByteSize()


def test_depthwise_convolutions_normalisations_and_softmax_stay_in_float32(half: onnx.ModelProto) -> None:
    kinds, counts = types(half), Counter()
    for node in half.graph.node:
        depthwise = node.op_type == "Conv" and any(a.name == "group" and a.i > 1 for a in node.attribute)
        if depthwise or node.op_type in ("InstanceNormalization", "Softmax"):
            assert {kinds[name] for name in (*node.input, *node.output)} == {FLOAT}, node.name
            counts["depthwise" if depthwise else node.op_type] += 1
    assert counts == {"depthwise": 18, "InstanceNormalization": 2, "Softmax": 1}


def test_nothing_is_rounded_between_the_masks_last_convolution_and_the_scores(half: onnx.ModelProto) -> None:
    producers = {name: node for node in half.graph.node for name in node.output}
    pending, path = ["saliency"], []
    while pending:
        node = producers.get(pending.pop())
        if node is not None:
            path.append(node.op_type)
            pending += [] if node.op_type in ("Conv", "MatMul") else node.input
    assert path.count("Conv") == 1
    assert "MatMul" in path, "the class activation map, which is added to the mask"
    assert "InstanceNormalization" in path
    assert "Cast" not in path


def test_the_given_model_is_not_changed(full: onnx.ModelProto) -> None:
    before = full.SerializeToString()
    to_fp16(full)
    assert full.SerializeToString() == before


def test_float16_agrees_with_float32(full: onnx.ModelProto, half: onnx.ModelProto) -> None:
    frames, _ = bundled_crops(InputSpec.square(224), 12)
    report = compare_precisions(full.SerializeToString(), half.SerializeToString(), frames)
    assert 0 < report.largest_probability_difference <= 5e-3
    assert report.smallest_rank_correlation >= 0.999
    assert (report.images, report.different_class, report.passes()) == (12, 0, True)


@pytest.mark.data
def test_float16_agrees_with_float32_on_photographs(full: onnx.ModelProto, half: onnx.ModelProto) -> None:
    files = sorted(Path(os.environ["WHYFRAME_DATA"]).iterdir())[:100]
    frames = np.stack([to_input(read_image(file), InputSpec()) for file in files])
    report = compare_precisions(full.SerializeToString(), half.SerializeToString(), frames)
    assert report.largest_probability_difference <= 5e-3
    assert report.smallest_rank_correlation >= 0.999


def test_a_difference_that_is_too_large_fails_the_report(full: onnx.ModelProto) -> None:
    wrong = onnx.ModelProto()
    wrong.CopyFrom(full)
    bias = next(t for t in wrong.graph.initializer if t.name == "network.module._fc.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias)[::-1].copy(), bias.name))
    frames, _ = bundled_crops(InputSpec.square(224), 2)
    report = compare_precisions(full.SerializeToString(), wrong.SerializeToString(), frames)
    assert not report.passes()
    assert not report.to_dict()["passes"]


def test_the_written_file_has_a_digest_of_its_own(
    full: onnx.ModelProto, half: onnx.ModelProto, tmp_path: Path
) -> None:
    manifest = Manifest.read(full.SerializeToString())
    copy = onnx.ModelProto()
    copy.CopyFrom(half)
    dataclasses.replace(manifest, precision="fp16").write(copy, tmp_path / "half.onnx")
    written = Manifest.read(tmp_path / "half.onnx")
    assert written.precision == "fp16"
    assert written.digest != manifest.digest


def test_a_manifest_without_a_precision_is_of_float32(full: onnx.ModelProto) -> None:
    (entry,) = (entry for entry in full.metadata_props if entry.key == Manifest.KEY)
    assert '"precision"' not in entry.value.split('"training"')[0]
    manifest = Manifest.read(full.SerializeToString())
    assert manifest.precision == "fp32"
    assert list(manifest.to_dict())[-1] == "digest", "the digest is found as the last value"
    with pytest.raises(ManifestError, match="precision is 'int3', not 'fp32' or 'fp16'"):
        dataclasses.replace(manifest, precision="int3")


def head(bias: float, weight: float, extra: list[onnx.NodeProto] | None = None) -> onnx.ModelProto:
    """A rectifier, the last convolution of a mask (1 x 1, 16 channels) and the controller."""
    weights = np.random.default_rng(1).normal(0, weight, (1, 16, 1, 1)).astype(np.float32)
    constants = {"w": weights, "b": np.float32([bias]), "axes": np.int64([1])}
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Relu", ["x"], ["features"]),
            *(extra or []),
            node("Conv", ["features", "w", "b"], ["map"]),
            node("Squeeze", ["map", "axes"], ["logit_map"]),
            controller_call("logit_map", "saliency", CT, EPSILON),
        ],
        "head",
        [helper.make_tensor_value_info("x", FLOAT, ["N", 16, 24, 24])],
        [helper.make_tensor_value_info("saliency", FLOAT, ["N", 24, 24])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid("whyframe", 1)]
    return helper.make_model(graph, functions=[controller_function(CT)], opset_imports=imports, ir_version=10)


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def features() -> np.ndarray:
    """2 x 16 x 24 x 24 values that float16 represents exactly, so that only the conversion changes the result."""
    x = np.random.default_rng(0).normal(0, 10, (2, 16, 24, 24))
    return x.astype(np.float16).astype(np.float32)


def test_a_map_of_mean_5000_and_deviation_100_keeps_its_scores() -> None:
    model, x = head(bias=5000, weight=7.2), features()
    w = numpy_helper.to_array(model.graph.initializer[0]).astype(np.float64)[0, :, 0, 0]
    logit_map = np.einsum("nchw,c->nhw", np.maximum(x, 0).astype(np.float64), w) + 5000
    assert 80 < logit_map.std() < 120
    expected = build_controller(CT)(torch.from_numpy(logit_map)).numpy()
    np.testing.assert_allclose(run(to_fp16(model), x), expected, atol=1e-3)


def test_without_the_float32_part_such_a_map_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above would fail without the float32 part."""
    model, x = head(bias=5000, weight=7.2), features()
    monkeypatch.setattr(precision, "float32_island", lambda graph: {"saliency"})
    rounded = run(to_fp16(model), x)
    assert np.abs(rounded - run(model, x)).max() > 5e-3


def test_the_scales_of_a_resize_stay_float32_and_attributes_change_type() -> None:
    node = helper.make_node
    extra = [
        node("Constant", [], ["two"], value=numpy_helper.from_array(np.float32(2))),
        node("Mul", ["features", "two"], ["doubled"]),
        node("Cast", ["doubled"], ["whole"], to=TensorProto.INT32),
        node("Cast", ["whole"], ["back"], to=FLOAT),
        node("Constant", [], ["scales"], value_floats=[1.0, 1.0, 1.0, 1.0]),
        node("Resize", ["back", "", "scales"], ["features2"], mode="nearest"),
    ]
    model = head(bias=0, weight=1, extra=extra)
    model.graph.node[-3].input[0] = "features2"
    half = to_fp16(model)
    kinds = types(half)
    assert kinds["doubled"] == kinds["back"] == kinds["features2"] == HALF
    np.testing.assert_allclose(run(half, features()), run(model, features()), atol=1e-3)


def test_a_weight_outside_the_range_of_float16_is_an_error() -> None:
    node = helper.make_node
    extra = [
        node("Constant", [], ["much"], value=numpy_helper.from_array(np.float32(7e4), "much")),
        node("Min", ["features", "much"], ["features2"]),
    ]
    model = head(bias=0, weight=1, extra=extra)
    model.graph.node[-3].input[0] = "features2"
    with pytest.raises(PrecisionError, match="much has values outside the range of float16"):
        to_fp16(model)


def test_an_operator_with_a_graph_of_its_own_is_an_error() -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["features"], ["same"])],
        "branch",
        [],
        [helper.make_tensor_value_info("same", FLOAT, ["N", 16, 24, 24])],
    )
    extra = [
        helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node("If", ["yes"], ["features2"], name="fork", then_branch=branch, else_branch=branch),
    ]
    model = head(bias=0, weight=1, extra=extra)
    model.graph.node[-3].input[0] = "features2"
    with pytest.raises(PrecisionError, match=r"node fork \(If\) contains a subgraph"):
        to_fp16(model)


def test_the_float32_part_ends_at_linear_operators() -> None:
    model = head(bias=0, weight=1)
    assert float32_island(model.graph) == {"saliency", "logit_map", "map"}
