from importlib import resources
from pathlib import Path

import cv2
import pytest
from skimage import data
from typer import Typer
from typer.testing import CliRunner, Result

from helpers import tiny_network, tiny_run
from whyframe.errors import WhyframeError
from whyframe_evaluation.cli import evaluate
from whyframe_evaluation.methods import GROUPS, METHODS

BUNDLED = resources.files("whyframe") / "models" / "efficientnet_lite0_ct.onnx"


def command(*arguments: object) -> Result:
    app = Typer()
    app.command()(evaluate)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, WhyframeError):
        raise result.exception
    return result


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "cat.png"), data.chelsea()[..., ::-1])
    return folder


def test_the_command_writes_a_report_and_prints_its_tables(photos: Path, tmp_path: Path) -> None:
    result = command("--data", photos, "--methods", "predictor, cam", "-o", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert "| predictor |" in result.stdout
    assert "| cam |" in result.stdout
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


def test_a_grey_input_that_is_not_square_is_evaluated_and_printed(photos: Path, tmp_path: Path) -> None:
    spec = tiny_run.spec(tmp_path)
    words = [
        "--classifier",
        f"{tiny_network.__file__}:build_grey",
        "--weights",
        "random",
        "--labels",
        spec.labels,
    ]
    words += ["--side", "64x96", "--color", "grey", "--shorter-side", "80", "--methods", "cam"]
    result = command("--data", photos, *words, "-o", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert (
        "input: 64 x 96 grey, shorter side 80, centre crop, bilinear, antialiased; mean 0, std 1\n"
        in result.stderr
    )
    assert "assumed, because the network does not state it: mean, std" in result.stderr
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--methods", "gradcam"], "did you mean grad-cam"),
        (["--methods", "cam,cam"], "names cam twice"),
        (["--methods", "cam,"], "there is no method ''"),
        (["--methods", "controler"], "did you mean the group controllers"),
        (["--methods", "nowhere.onnx"], r"nowhere\.onnx"),
        (["--methods", "cam,."], r"no run in \.: start a run with `whyframe train"),
        (["--boxes", "gone.json"], r"no such file or folder gone\.json"),
        (["--methods", "cam", "--keypoints", "gone.json"], r"gone\.json cannot be read"),
        (["--classifier", "alexnet19"], "unknown classifier"),
    ],
)
def test_a_wrong_option_is_an_error_of_one_line_and_leaves_no_folder(
    photos: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    with pytest.raises(WhyframeError, match=message) as caught:
        command("--data", photos, "-o", tmp_path / "report", *options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report").exists()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WhyframeError, match="no such folder"):
        command("--data", tmp_path / "none", "-o", tmp_path / "report", "--methods", "cam")
    assert not (tmp_path / "report").exists()


def test_a_fused_file_is_a_method(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(BUNDLED.read_bytes())
    result = command(
        "--data", photos, "--methods", f"{tmp_path}/mine.onnx,predictor", "-o", tmp_path / "report"
    )
    assert result.exit_code == 0, result.output
    lines = [
        line.split(" | ", 1)[1]
        for line in result.stdout.splitlines()
        if line.startswith(("| mine", "| pred"))
    ]
    assert lines[0] == lines[1]  # faithfulness


def test_boxes_of_a_file_count(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "cat.txt").write_text("0 0.5 0.5 0.8 0.8")
    (tmp_path / "labels" / "classes.txt").write_text("cat")
    options = ("--methods", "cam", "-o", tmp_path / "report")
    result = command("--data", photos, "--boxes", tmp_path / "labels", *options)
    assert result.exit_code == 0, result.output
    assert "| method | PR-AUC | pointing |" in result.stdout


def test_the_help_lists_every_method_and_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    help_text = "".join(command("--help").stdout.replace("│", " ").split())
    for name in (*METHODS, *GROUPS):
        assert name in help_text
