import dataclasses
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from helpers import tiny_run, toy
from whyframe import Manifest
from whyframe.errors import BackendError, OutputError
from whyframe.tensorrt.api import TensorRT, load_tensorrt
from whyframe.tensorrt.enginefile import EngineFile
from whyframe_export import compile as compiling
from whyframe_export import compile_engine
from whyframe_export.export_source import trained_source
from whyframe_export.fused import FusedClassifier
from whyframe_export.graph import fused_graph
from whyframe_export.precision import to_fp16
from whyframe_training.classifiers.classifier import ClassifierSpec
from whyframe_training.predictor.generators import default_generator

GPUS = ((8, 6), (8, 9), (12, 0))


@pytest.fixture
def rtx(monkeypatch: pytest.MonkeyPatch) -> TensorRT:
    """Return TensorRT-RTX, and make it the default flavour of `compile_engine`."""
    pytest.importorskip("tensorrt_rtx", reason="pip install 'whyframe[tensorrt-rtx]'")
    monkeypatch.setenv("WHYFRAME_TENSORRT", "tensorrt_rtx")
    return load_tensorrt("tensorrt_rtx")


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    content = (resources.files("whyframe") / "models" / "efficientnet_lite0_ct.onnx").read_bytes()
    path = tmp_path_factory.mktemp("bundled") / "model.onnx"
    path.write_bytes(content)
    return path


def byte_counts(engine: EngineFile) -> list[list[int]]:
    """Return how often each byte value occurs in each engine.

    Engines of the same model may hold their outputs in another order, because TensorRT builds with several threads.
    """
    parts = (engine.explainer, engine.classifier)
    return [np.bincount(np.frombuffer(part, np.uint8), minlength=256).tolist() for part in parts]


@pytest.mark.parametrize("plugin", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_bundled_model_compiles_to_the_same_engine_each_time(
    rtx: TensorRT, bundled: Path, tmp_path: Path, precision: str, plugin: bool
) -> None:
    outputs = tmp_path / "a.engine", tmp_path / "b.engine"
    options: dict[str, Any] = {"precision": precision, "plugin": plugin, "compute_capabilities": GPUS}
    for output in outputs:
        compile_engine(bundled, output, report=tmp_path / "layers.json", **options)
    (engine, again), manifest = map(EngineFile.read, outputs), Manifest.read(bundled)
    assert byte_counts(engine) == byte_counts(again), "a second build gives the same bytes"
    assert (engine.manifest.precision, engine.plugin) == (precision, plugin)
    assert engine.compute_capabilities == GPUS
    assert engine.batch == (1, 1, 1)
    engine.check(rtx, (8, 9), manifest.digest)
    weights = 19e6 if precision == "fp32" else 9.7e6
    assert all(weights < len(part) < 1.35 * weights for part in (engine.explainer, engine.classifier))
    layers = json.loads((tmp_path / "layers.json").read_text())["network"]
    assert [layer["kind"] for layer in layers].count("PLUGIN_V3") == plugin
    halves = [layer["precision"] for layer in layers if layer["kind"] == "CONVOLUTION"].count("HALF")
    assert halves == (0 if precision == "fp32" else 59 - 18 - 1)


def test_a_batch_is_a_number_or_a_range(rtx: TensorRT, tmp_path: Path) -> None:
    path = toy.write(tmp_path / "toy.onnx")
    assert compile_engine(path, tmp_path / "a.engine", batch=2).batch == (2, 2, 2)
    assert compile_engine(path, tmp_path / "b.engine", batch=(1, 2, 4)).batch == (1, 2, 4)


def test_a_failed_build_keeps_the_old_engine(rtx: TensorRT, bundled: Path, tmp_path: Path) -> None:
    model = onnx.load(bundled)
    resize = next(node for node in model.graph.node if node.op_type == "Resize")
    next(attribute for attribute in resize.attribute if attribute.name == "antialias").i = 1
    Manifest.read(bundled).write(model, tmp_path / "wrong.onnx")
    old = tmp_path / "wrong.engine"
    old.write_bytes(b"the old one")
    with pytest.raises(BackendError, match="Antialiasing is not supported"):
        compile_engine(tmp_path / "wrong.onnx", old)
    assert old.read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wrong.engine", "wrong.onnx"]


def test_a_model_in_fp16_is_compiled_as_it_is(rtx: TensorRT, tmp_path: Path) -> None:
    half = to_fp16(toy.Toy().model())
    dataclasses.replace(toy.Toy().manifest(), precision="fp16").write(half, tmp_path / "half.onnx")
    engine = compile_engine(tmp_path / "half.onnx", tmp_path / "half.engine")
    assert engine.manifest == Manifest.read(tmp_path / "half.onnx")
    with pytest.raises(BackendError, match="in fp16 already"):
        compile_engine(tmp_path / "half.onnx", tmp_path / "half.engine", precision="fp32")


def test_without_named_gpus_the_gpu_of_this_machine_is_compiled_for(
    rtx: TensorRT, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "compute_capability", lambda: (8, 9))
    path, output = toy.write(tmp_path / "toy.onnx"), tmp_path / "toy.engine"
    assert compile_engine(path, output).compute_capabilities == ((8, 9),)
    assert compile_engine(path, output, compute_capabilities=[(12, 0)]).compute_capabilities == ((12, 0),)
    monkeypatch.setattr(compiling, "compute_capability", lambda: None)
    assert compile_engine(path, output).compute_capabilities == ()


@pytest.mark.parametrize(("here", "named"), [(None, ()), (None, ((8, 6),)), ((8, 9), ((8, 6),))])
def test_full_tensorrt_needs_the_gpu_that_it_compiles_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: tuple | None, named: tuple
) -> None:
    full = TensorRT(SimpleNamespace(), "tensorrt", "11.4")
    monkeypatch.setattr(compiling, "load_tensorrt", lambda flavour: full)
    monkeypatch.setattr(compiling, "compute_capability", lambda: here)
    path = toy.write(tmp_path / "toy.onnx")
    with pytest.raises(BackendError, match="--flavour tensorrt_rtx"):
        compile_engine(path, tmp_path / "toy.engine", compute_capabilities=named)


@pytest.mark.parametrize("options", [{"output": "missing/m.engine"}, {"report": "missing/layers.txt"}])
def test_a_missing_folder_is_reported_before_the_build(tmp_path: Path, options: dict[str, str]) -> None:
    paths = {"output": tmp_path / "m.engine"} | {name: tmp_path / path for name, path in options.items()}
    with pytest.raises(OutputError, match="create it first"):
        compile_engine(tmp_path / "m.onnx", **paths)


def test_compiling_does_not_import_pytorch(rtx: TensorRT, tmp_path: Path) -> None:
    path, output = toy.write(tmp_path / "toy.onnx"), tmp_path / "m.engine"
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from whyframe_export import compile_engine\n"
        f"compile_engine({str(path)!r}, {str(output)!r}, precision='fp16')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert EngineFile.read(output).manifest.precision == "fp16"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "vgg19"])
def test_the_papers_networks_compile_in_every_variant(rtx: TensorRT, tmp_path: Path, name: str) -> None:
    """Networks with random weights are compiled in FP32 and FP16, with and without the plugin, each twice."""
    config = tiny_run.settings(ClassifierSpec(name, "random"), generator=default_generator(name))
    tiny_run.untrained(config, tmp_path)
    source = trained_source(tmp_path)
    fused = FusedClassifier(source.classifier, source.explainer).eval()
    model = fused_graph(fused, source.manifest.input, source.manifest.controller, None)
    source.manifest.write(model, tmp_path / "model.onnx")
    report, output = tmp_path / "layers.json", tmp_path / "model.engine"
    for precision in ("fp32", "fp16"):
        for plugin in (False, True):
            options: dict[str, Any] = {"precision": precision, "plugin": plugin, "report": report}
            contents = []
            for _ in range(2):
                compile_engine(tmp_path / "model.onnx", output, compute_capabilities=GPUS, **options)
                contents.append(output.read_bytes())
            assert contents[0] == contents[1]
            kinds = [layer["kind"] for layer in json.loads(report.read_text())["network"]]
            assert kinds.count("PLUGIN_V3") == plugin
