import re
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from helpers import toy
from whyframe.errors import BackendError, WhyframeError
from whyframe.tensorrt.enginefile import EngineFile
from whyframe_export import compile as compiling
from whyframe_export.compile_cli import compile_command, parse_batch, parse_capability


def command(*arguments: object) -> Result:
    """Run `whyframe compile` with TensorRT-RTX; the project's own errors are raised."""
    app = Typer()
    app.command()(compile_command)
    words = [str(argument) for argument in (*arguments, "--flavour", "tensorrt_rtx")]
    result = CliRunner().invoke(app, words)
    if isinstance(result.exception, WhyframeError):
        raise result.exception
    return result


def test_without_an_output_the_engine_lies_beside_the_model(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="pip install 'whyframe[tensorrt-rtx]'")
    path = toy.write(tmp_path / "toy.onnx")
    result = command(path, "--batch", "1:2:4", "--report", tmp_path / "layers.txt")
    assert result.exit_code == 0, result.output
    assert re.search(r"toy\.engine: .* MB, fp32, batch 1:2:4, TensorRT-RTX \d", result.stdout)
    engine = EngineFile.read(tmp_path / "toy.engine")
    assert engine.batch == (1, 2, 4)
    assert engine.compute_capabilities in ((), (compiling.compute_capability(),))
    assert (tmp_path / "layers.txt").read_text().startswith("TensorRT-RTX")


def test_several_compute_capabilities_follow_one_option(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="pip install 'whyframe[tensorrt-rtx]'")
    path = toy.write(tmp_path / "toy.onnx")
    command(path, "-o", tmp_path / "m.engine", "--compute-capability", "8.6", "12.0")
    assert EngineFile.read(tmp_path / "m.engine").compute_capabilities == ((8, 6), (12, 0))


def test_a_second_model_is_not_taken_for_a_compute_capability() -> None:
    with pytest.raises(BackendError, match=r"'other[.]onnx' is an extra argument"):
        command("model.onnx", "other.onnx")
    with pytest.raises(BackendError, match=r"not of the form 8[.]6"):
        command("model.onnx", "other.onnx", "--compute-capability", "8.6")


def test_a_batch_is_a_number_or_three_numbers() -> None:
    assert parse_batch(None) is None
    assert parse_batch("4") == (4, 4, 4)
    assert parse_batch("1:2:8") == (1, 2, 8)
    for wrong in ("", "1:2", "-1", "a", "1:2:3:4"):
        with pytest.raises(BackendError, match="neither N nor SMALLEST:BEST:LARGEST"):
            parse_batch(wrong)


def test_a_compute_capability_is_two_numbers_with_a_point() -> None:
    assert parse_capability("12.0") == (12, 0)
    for wrong in ("86", "sm_86", "8.60", ""):
        with pytest.raises(BackendError, match=r"not of the form 8\.6"):
            parse_capability(wrong)


def test_help_teaches_by_examples() -> None:
    text = re.sub(r"\s+", " ", command("--help").output)
    assert text.count("whyframe compile model.onnx") >= 5
    assert "Full TensorRT measures its kernels" in text
