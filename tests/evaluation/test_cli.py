from importlib import resources
from pathlib import Path

import cv2
import pytest
from skimage import data
from typer import Typer
from typer.testing import CliRunner, Result

from whyframe.errors import WhyframeError
from whyframe_evaluation.cli import chosen, evaluate
from whyframe_evaluation.methods import GROUPS, METHODS

BUNDLED = resources.files("whyframe") / "models" / "efficientnet_lite0_ct.onnx"


def command(*arguments: object) -> Result:
    app = Typer()
    app.command()(evaluate)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, WhyframeError):
        raise result.exception
    return result


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "cat.png"), data.chelsea()[..., ::-1])
    return folder


def test_a_report_of_two_methods(photos: Path, tmp_path: Path) -> None:
    result = command("--data", photos, "--methods", "predictor, cam", "-o", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert "| predictor |" in result.stdout
    assert "| cam |" in result.stdout
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--methods", "gradcam"], "did you mean grad-cam"),
        (["--methods", "cam,cam"], "names one method twice"),
        (["--methods", "cam,"], "there is no method ''"),
        (["--methods", "controler"], "did you mean the group controllers"),
        (["--methods", "nowhere.onnx"], r"nowhere\.onnx"),
        (["--methods", "cam,."], r"no run in \.: start one with `whyframe train"),
        (["--boxes", "gone.json"], r"no such file or folder gone\.json"),
        (["--methods", "cam", "--keypoints", "gone.json"], r"gone\.json cannot be read"),
        (["--classifier", "alexnet19"], "unknown classifier"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    photos: Path, tmp_path: Path, words: list[str], says: str
) -> None:
    with pytest.raises(WhyframeError, match=says) as caught:
        command("--data", photos, "-o", tmp_path / "report", *words)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report").exists()


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(WhyframeError, match="no such folder"):
        command("--data", tmp_path / "none", "-o", tmp_path / "report", "--methods", "cam")
    assert not (tmp_path / "report").exists()


def test_groups_and_all_are_their_methods_each_once() -> None:
    def names(methods: str) -> list[str]:
        return [one.name for one in chosen(methods)]

    assert names("all") == list(METHODS)
    group = list(GROUPS["controllers"])
    assert names(f"cam, controllers,{group[0]}") == ["cam", *group]
    assert set(names("all,controllers")) == {*METHODS, *group}


def test_a_fused_file_of_ones_own_is_a_method(photos: Path, tmp_path: Path) -> None:
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
    for taken in ("cam", "ct-all"):
        (tmp_path / f"{taken}.onnx").write_bytes(BUNDLED.read_bytes())
        with pytest.raises(WhyframeError, match=f"name of another method, {taken}; rename it"):
            chosen(f"{tmp_path}/{taken}.onnx")


def test_boxes_of_a_file_count(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "cat.txt").write_text("0 0.5 0.5 0.8 0.8")
    (tmp_path / "labels" / "classes.txt").write_text("cat")
    options = ("--methods", "cam", "-o", tmp_path / "report")
    result = command("--data", photos, "--boxes", tmp_path / "labels", *options)
    assert result.exit_code == 0, result.output
    assert "| method | PR-AUC | pointing |" in result.stdout
