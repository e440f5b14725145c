import dataclasses
import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from helpers import tiny_run, toy
from whyframe import Manifest
from whyframe.errors import BackendError, OutputError, WhyframeError
from whyframe.tensorrt.api import TensorRT, load_tensorrt
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.enginefile import EngineFile
from whyframe_export import compile as compiling
from whyframe_export.compile import compile_file
from whyframe_export.compile_cli import compile_command, parse_batch, parse_capability
from whyframe_export.export import trained_product
from whyframe_export.fused import FusedClassifier
from whyframe_export.graph import fused_graph
from whyframe_export.precision import to_fp16
from whyframe_training.classifiers.classifier import DEFAULT_GENERATORS, ClassifierSpec

GPUS = ("8.6", "8.9", "12.0")


@pytest.fixture(scope="module")
def trt() -> TensorRT:
    pytest.importorskip("tensorrt_rtx", reason="pip install 'whyframe[tensorrt-rtx]'")
    return load_tensorrt("tensorrt_rtx")


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    content = (resources.files("whyframe") / "models" / "efficientnet_lite0_ct.onnx").read_bytes()
    path = tmp_path_factory.mktemp("bundled") / "model.onnx"
    path.write_bytes(content)
    return path


def command(*arguments: object) -> Result:
    """Runs `whyframe compile`; its own errors are raised."""
    app = Typer()
    app.command()(compile_command)
    result = CliRunner().invoke(app, [str(one) for one in (*arguments, "--flavour", "tensorrt_rtx")])
    if isinstance(result.exception, WhyframeError):
        raise result.exception
    return result


def for_gpus(*gpus: str) -> list[str]:
    return ["--compute-capability", *gpus]


def bytes_of(engine: EngineFile) -> list[list[int]]:
    """How often each byte is in each part: on a busy machine TensorRT's threads decide which output comes first."""
    parts = (engine.explainer, engine.classifier)
    return [np.bincount(np.frombuffer(one, np.uint8), minlength=256).tolist() for one in parts]


@pytest.mark.parametrize("plugin", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_bundled_model(
    trt: TensorRT, bundled: Path, tmp_path: Path, precision: str, plugin: bool
) -> None:
    words = [*for_gpus(*GPUS), "--precision", precision, *["--plugin"] * plugin]
    outputs = tmp_path / "a.engine", tmp_path / "b.engine"
    for output in outputs:
        result = command(bundled, "-o", output, *words, "--report", tmp_path / "layers.json")
        assert result.exit_code == 0, result.output
        assert str(output) in result.stdout
        assert "building with TensorRT-RTX" in result.stderr
    (engine, again), manifest = map(EngineFile.read, outputs), Manifest.read(bundled)
    assert bytes_of(engine) == bytes_of(again), "a second build gives the same bytes"
    assert (engine.manifest.precision, engine.plugin) == (precision, plugin)
    assert engine.compute_capabilities == ((8, 6), (8, 9), (12, 0))
    assert engine.batch == (1, 1, 1)
    engine.check(trt, (8, 9), manifest.digest)
    weights = 19e6 if precision == "fp32" else 9.7e6
    assert all(weights < len(one) < 1.35 * weights for one in (engine.explainer, engine.classifier))
    layers = json.loads((tmp_path / "layers.json").read_text())["network"]
    assert [layer["kind"] for layer in layers].count("PLUGIN_V3") == plugin
    halves = [layer["precision"] for layer in layers if layer["kind"] == "CONVOLUTION"].count("HALF")
    assert halves == (0 if precision == "fp32" else 59 - 18 - 1)


def test_a_second_model_is_no_compute_capability(bundled: Path) -> None:
    with pytest.raises(BackendError, match=r"'other[.]onnx' is one argument too many"):
        command(bundled, "other.onnx")
    with pytest.raises(BackendError, match=r"not of the form 8[.]6"):
        command(bundled, "other.onnx", "--compute-capability", "8.6")


def test_without_an_output_the_engine_lies_beside_the_model(trt: TensorRT, tmp_path: Path) -> None:
    path = toy.write(tmp_path / "toy.onnx")
    command(path, "--batch", "1:2:4", "--report", tmp_path / "layers.txt")
    engine = EngineFile.read(tmp_path / "toy.engine")
    assert engine.batch == (1, 2, 4)
    assert engine.compute_capabilities in ((), (compiling.compute_capability(),))
    assert (tmp_path / "layers.txt").read_text().startswith("TensorRT-RTX")


def test_a_failed_build_leaves_the_old_engine(trt: TensorRT, bundled: Path, tmp_path: Path) -> None:
    model = onnx.load(bundled)
    resize = next(node for node in model.graph.node if node.op_type == "Resize")
    next(one for one in resize.attribute if one.name == "antialias").i = 1
    Manifest.read(bundled).write(model, tmp_path / "wrong.onnx")
    old = tmp_path / "wrong.engine"
    old.write_bytes(b"the old one")
    with pytest.raises(BackendError, match="Antialiasing is not supported"):
        command(tmp_path / "wrong.onnx")
    assert old.read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wrong.engine", "wrong.onnx"]


def test_a_model_in_fp16_is_compiled_as_it_is(trt: TensorRT, tmp_path: Path) -> None:
    half = to_fp16(toy.Toy().model())
    dataclasses.replace(toy.Toy().manifest(), precision="fp16").write(half, tmp_path / "half.onnx")
    command(tmp_path / "half.onnx")
    engine = EngineFile.read(tmp_path / "half.engine")
    assert engine.manifest == Manifest.read(tmp_path / "half.onnx")
    with pytest.raises(BackendError, match="in fp16 already"):
        command(tmp_path / "half.onnx", "--precision", "fp32")


def test_the_gpu_that_is_here_is_taken(
    trt: TensorRT, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "compute_capability", lambda: (8, 9))
    path = toy.write(tmp_path / "toy.onnx")
    assert compile_file(path, tmp_path / "a", BuildOptions(), trt).compute_capabilities == ((8, 9),)
    named = BuildOptions(compute_capabilities=((12, 0),))
    assert compile_file(path, tmp_path / "b", named, trt).compute_capabilities == ((12, 0),)
    monkeypatch.setattr(compiling, "compute_capability", lambda: None)
    assert compile_file(path, tmp_path / "c", BuildOptions(), trt).compute_capabilities == ()


@pytest.mark.parametrize(("here", "named"), [(None, ()), (None, ((8, 6),)), ((8, 9), ((8, 6),))])
def test_full_tensorrt_needs_the_gpu_that_it_compiles_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: tuple | None, named: tuple
) -> None:
    full = TensorRT(SimpleNamespace(), "tensorrt", "11.4")
    monkeypatch.setattr(compiling, "compute_capability", lambda: here)
    path = toy.write(tmp_path / "toy.onnx")
    with pytest.raises(BackendError, match="--flavour tensorrt_rtx"):
        compile_file(path, tmp_path / "a", BuildOptions(compute_capabilities=named), full)


def test_words_that_cannot_be_read() -> None:
    assert parse_batch(None) is None
    assert parse_batch("4") == (4, 4, 4)
    assert parse_batch("1:2:8") == (1, 2, 8)
    assert parse_capability("12.0") == (12, 0)
    for wrong in ("", "1:2", "-1", "a", "1:2:3:4"):
        with pytest.raises(BackendError, match="neither N nor SMALLEST:BEST:LARGEST"):
            parse_batch(wrong)
    for wrong in ("86", "sm_86", "8.60", ""):
        with pytest.raises(BackendError, match=r"not of the form 8\.6"):
            parse_capability(wrong)


def test_a_place_that_cannot_be_written_is_told_before_the_build(tmp_path: Path) -> None:
    for words in (("-o", tmp_path / "none" / "m.engine"), ("--report", tmp_path / "none" / "layers.txt")):
        with pytest.raises(OutputError, match="create it first"):
            command(tmp_path / "m.onnx", *words)


def test_help_teaches_by_examples() -> None:
    text = re.sub(r"\s+", " ", command("--help").output)
    assert text.count("whyframe compile model.onnx") >= 5
    assert "Full TensorRT times its kernels" in text


def test_compiling_imports_no_pytorch(trt: TensorRT, tmp_path: Path) -> None:
    path = toy.write(tmp_path / "toy.onnx")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from whyframe.tensorrt.api import load_tensorrt\n"
        "from whyframe.tensorrt.build import BuildOptions\n"
        "import whyframe_export.compile_cli\n"
        "from whyframe_export.compile import compile_file\n"
        f"compile_file(Path({str(path)!r}), Path({str(tmp_path / 'm.engine')!r}), BuildOptions(), "
        "load_tensorrt('tensorrt_rtx'), 'fp16')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert EngineFile.read(tmp_path / "m.engine").manifest.precision == "fp16"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "vgg19"])
def test_the_papers_networks(trt: TensorRT, tmp_path: Path, name: str) -> None:
    """With random weights: FP32 and FP16, with the plugin and without, twice."""
    config = tiny_run.settings(ClassifierSpec(name, "random"), generator=DEFAULT_GENERATORS[name])
    tiny_run.untrained(config, tmp_path)
    product = trained_product(tmp_path, "stretch", None)
    fused = FusedClassifier(product.classifier, product.explainer).eval()
    model = fused_graph(fused, product.manifest.side, product.manifest.controller, None)
    product.manifest.write(model, tmp_path / "model.onnx")
    for words in ([], ["--plugin"], ["--precision", "fp16"], ["--precision", "fp16", "--plugin"]):
        report = tmp_path / "layers.json"
        contents = []
        for _ in range(2):
            command(tmp_path / "model.onnx", *for_gpus(*GPUS), *words, "--report", report)
            contents.append((tmp_path / "model.engine").read_bytes())
        assert contents[0] == contents[1]
        kinds = [layer["kind"] for layer in json.loads(report.read_text())["network"]]
        assert kinds.count("PLUGIN_V3") == ("--plugin" in words)
