import json
from importlib import resources

import pytest

from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.build import BuildOptions, build_engine
from whyframe.tensorrt.device import compute_capability
from whyframe.tensorrt.enginefile import EngineFile
from whyframe.tensorrt.layer_report import (
    Layer,
    engine_report,
    fused_layers,
    layer_table,
    network_layers,
    report_text,
)


def test_the_report_lists_the_layers_of_the_bundled_model(trt: TensorRT, bundled: bytes) -> None:
    layers = network_layers(bundled, False, trt)
    kinds = [layer.kind for layer in layers]
    assert kinds.count("CONVOLUTION") == 59
    assert kinds.count("NORMALIZATION") == 3, "of the map, of the class activation map and of the controller"
    assert kinds.count("PLUGIN_V3") == 0
    assert layers[-1].shape == (-1, 56, 56)
    assert json.loads(json.dumps([layer._asdict() for layer in layers]))[-1]["precision"] == "FLOAT"


def test_the_plugin_is_a_single_layer(trt: TensorRT, bundled: bytes) -> None:
    layers = network_layers(bundled, True, trt)
    assert [layer.name for layer in layers if layer.kind == "PLUGIN_V3"] == ["distribution_controller"]
    assert [layer.kind for layer in layers].count("NORMALIZATION") == 2


def test_the_table_is_aligned() -> None:
    layers = [
        Layer("a", "CONVOLUTION", "HALF", (-1, 8, 4, 4)),
        Layer("long_name", "SOFTMAX", "FLOAT", (-1, 5)),
    ]
    assert layer_table(layers).splitlines() == [
        "layer      type         precision  shape",
        "a          CONVOLUTION  HALF       -1 x 8 x 4 x 4",
        "long_name  SOFTMAX      FLOAT      -1 x 5",
    ]


def test_the_report_gives_sizes_and_layers(trt: TensorRT, bundled: bytes, engine: EngineFile) -> None:
    report = engine_report(bundled, engine, trt, None)
    assert len(json.loads(json.dumps(report))["network"]) == len(report["network"])
    assert set(report) == {"builder", "bytes", "network"}
    assert report["bytes"]["refine_classifier"] == len(engine.refine_classifier)
    lines = report_text(report).splitlines()
    assert lines[0].startswith(f"{trt}: explainer 2")
    assert len(lines) == 3 + len(report["network"])
    assert report_text({**report, "fused": ["a", "b"]}).splitlines()[-3:] == ["fused:", "a", "b"]
    assert set(engine_report(bundled, engine, trt, (9, 0))) == set(report), (
        "the engine does not run on this GPU"
    )


@pytest.mark.gpu
def test_the_inspector_lists_the_fused_layers(trt: TensorRT) -> None:
    model = (resources.files("whyframe") / "models/efficientnet_lite0_ct.onnx").read_bytes()
    here = compute_capability()
    if here not in trt.targets:
        pytest.skip(f"{trt} does not compile for {here}")
    plan = build_engine(model, (1, 1, 1), BuildOptions(compute_capabilities=(here,), plugin=True), trt)
    assert fused_layers(plan, trt)
