import dataclasses
import re
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from helpers import tiny_run
from whyframe import Manifest, WhyframeError
from whyframe.resize_rule import ResizeRule
from whyframe_export.cli import export
from whyframe_export.export_source import trained_source
from whyframe_training.code_trust import UntrustedCode


def command(*arguments: object) -> Result:
    """Run `whyframe export`; the project's own errors are raised."""
    app = Typer()
    app.command()(export)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, WhyframeError):
        raise result.exception
    return result


def test_a_class_activation_map_is_exported_with_one_line_of_output(tmp_path: Path) -> None:
    spec = tiny_run.spec(tmp_path)
    words = ["--classifier", spec.name, "--weights", "random", "--labels", spec.labels, "--side", spec.side]
    result = command("--explainer", "cam", *words, "--batch", 2, "-o", tmp_path / "cam.onnx")
    assert result.exit_code == 0, result.output
    assert re.search(r"cam\.onnx: .* MB\. Against PyTorch on 50 images: .*\n$", result.stdout)
    assert "input: 64 x 64 rgb, stretch, fast; mean 0.485" in result.stderr
    assert Manifest.read(tmp_path / "cam.onnx").batch == 2


def test_auto_says_what_it_chose_and_why(tmp_path: Path) -> None:
    spec = tiny_run.spec(tmp_path)
    words = ["--classifier", spec.name, "--weights", "random", "--labels", spec.labels, "--side", spec.side]
    result = command("--explainer", "auto", *words, "-o", tmp_path / "auto.onnx")
    assert "explainer: cam, because the network ends in global average pooling" in result.stderr
    assert Manifest.read(tmp_path / "auto.onnx").explainer == "cam"


@pytest.mark.parametrize("words", [[], ["runs/lite0", "--explainer", "cam"]])
def test_a_run_folder_goes_with_the_predictor_only(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(WhyframeError, match="give its run folder"):
        command(*words, "-o", tmp_path / "m.onnx")


def test_an_option_that_a_run_would_ignore_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        WhyframeError, match=r"--side goes with --explainer cam, forward or auto: runs/lite0 names"
    ):
        command("runs/lite0", "--side", 64, "-o", tmp_path / "m.onnx")


def test_the_resize_options_replace_that_part_of_the_rule_of_a_run(tmp_path: Path) -> None:
    spec = dataclasses.replace(tiny_run.spec(tmp_path), resize={"interpolation": "bicubic"})
    tiny_run.untrained(tiny_run.settings(spec), tmp_path)
    result = command(tmp_path, "--shorter-side", 72, "-o", tmp_path / "m.onnx")
    assert "input: 64 x 64 rgb, shorter side 72, centre crop, bicubic, antialiased; mean" in result.stderr
    assert "the resize rule replaces that of the classifier: stretch, bicubic, antialiased" in result.stderr
    rule = Manifest.read(tmp_path / "m.onnx").input.resize
    assert rule == ResizeRule(mode="crop", shorter_side=72, interpolation="bicubic")


def test_help_teaches_by_examples() -> None:
    text = re.sub(r"\s+", " ", command("--help").output)
    assert "whyframe export runs/lite0 -o model.onnx" in text
    assert "whyframe export --explainer cam -o cam.onnx" in text


def test_the_python_file_of_a_run_is_printed_and_one_from_elsewhere_needs_trust(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    tiny_run.untrained(tiny_run.settings(tiny_run.spec(tmp_path)), run)
    file = tiny_run.TINY.rpartition(":")[0]
    result = command(run, "-o", tmp_path / "own.onnx")
    assert f"executing the Python file {file}\n" in result.stderr
    copy = run.rename(tmp_path / "copy")
    for use in (lambda: command(copy, "-o", tmp_path / "m.onnx"), lambda: trained_source(copy)):
        with pytest.raises(UntrustedCode, match=r"would be executed for .*, then give --trust"):
            use()
    assert not (tmp_path / "m.onnx").exists()
    assert command(copy, "--trust", "-o", tmp_path / "m.onnx").exit_code == 0
