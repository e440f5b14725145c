from pathlib import Path

import cv2
import pytest
from skimage import data
from typer import Typer
from typer.testing import CliRunner, Result

from whyframe.errors import WhyframeError
from whyframe_training.evaluate_cli import evaluate


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
    result = command("--data", photos, "--methods", "predictor-ct, cam", "-o", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert "| predictor-ct |" in result.stdout
    assert "| cam |" in result.stdout
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--methods", "gradcam"], "did you mean grad-cam"),
        (["--methods", "cam,cam"], "names one method twice"),
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
