import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from helpers.full_disk import full_disk
from helpers.tiny_network import SIDE
from helpers.tiny_run import spec
from whyframe.errors import OutputError, WhyframeError
from whyframe_training import cli
from whyframe_training.folder_lock import FolderLock


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Return the command line of a training that takes seconds, without its run folder."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(8):
        cv2.imwrite(str(tmp_path / "photos" / f"{i}.png"), rng.integers(0, 256, (80, 96, 3), np.uint8))
    tiny = spec(tmp_path)
    return [
        "--data", str(tmp_path / "photos"), "--classifier", tiny.name, "--weights", "random", "--labels",
        str(tiny.labels), "--side", str(SIDE), "--epochs", "1", "--batch", "2", "--validation", "2",
        "--precision", "fp32",
    ]  # fmt: skip


def train(*words: object) -> Result:
    command = typer.Typer()
    command.command()(cli.train)
    return CliRunner().invoke(command, [str(word) for word in words])


def settings(folder: Path) -> dict[str, object]:
    return json.loads((folder / "config.json").read_text())


def test_a_run_prints_its_start_its_result_and_the_next_command(words: list[str], tmp_path: Path) -> None:
    result = train(*words, "-o", tmp_path / "run")
    assert result.exception is None
    assert result.stdout == f"done: whyframe export {tmp_path / 'run'} -o model.onnx\n"
    assert "6 images, 2 for validation, " in result.stderr
    assert "of 2 validation images, in percent:" in result.stderr
    assert (
        "input: 64 x 64 rgb, stretch, fast; mean 0.485 0.456 0.406, std 0.229 0.224 0.225\n"
        "       given: size; assumed, because the network does not state it: colour, resize rule, mean, std\n"
    ) in result.stderr
    assert "  predictor " in result.stderr
    assert (settings(tmp_path / "run")["cam_weight"], settings(tmp_path / "run")["controller_jitter"]) == (
        0.3,
        4,
    )


def test_few_images_are_enough_and_the_scaled_down_validation_and_the_time_are_printed(
    words: list[str], tmp_path: Path
) -> None:
    at = words.index("--validation")
    result = train(*words[:at], *words[at + 2 :], "-o", tmp_path / "run")
    assert result.exception is None
    assert (
        "6 images, 2 for validation (scaled down from 200; --validation sets it), cpu in fp32"
        in result.stderr
    )
    assert re.search(
        r"^training takes about \d+ seconds \(\S+ images/s\), then the validation$", result.stderr, re.M
    )
    assert settings(tmp_path / "run")["validation"] == 2
    assert "not shown to be better than the class activation map" in result.stderr


def test_a_validation_that_is_given_is_obeyed_or_refused(words: list[str], tmp_path: Path) -> None:
    at = words.index("--validation")
    words[at + 1] = "6"
    result = train(*words, "-o", tmp_path / "run")
    assert "2 images, 6 for validation, " in result.stderr
    words[at + 1] = "8"
    error = train(*words, "-o", tmp_path / "other").exception
    assert isinstance(error, WhyframeError)
    assert str(error).startswith("cannot keep 8 of 8 images for validation")


def test_the_former_names_of_options_work_and_print_a_warning(words: list[str], tmp_path: Path) -> None:
    former = train(*words, "-o", tmp_path / "run", "--anchor", "0.1", "--spread", "2")
    assert "DeprecationWarning: --anchor is now --cam-weight" in former.stderr
    assert "DeprecationWarning: --spread is now --controller-jitter" in former.stderr
    assert (settings(tmp_path / "run")["cam_weight"], settings(tmp_path / "run")["controller_jitter"]) == (
        0.1,
        2,
    )
    present = train(*words, "-o", tmp_path / "run", "--cam-weight", "0.1", "--controller-jitter", "2")
    assert present.exception is None, "the same settings, so the run is resumed"
    assert "resumed at step 3" in present.stderr
    assert "DeprecationWarning" not in present.stderr


def test_the_former_names_are_not_in_the_help() -> None:
    text = train("--help").stdout
    assert "--cam-weight" in text
    assert "--anchor" not in text
    assert "--spread" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--preset", "bt", "--eta", "1.5"],
            "--eta cannot be given with --preset: bt sets it; leave out one of the two",
        ),
        (["--preset", "ct", "--anchor", "1"], "--anchor cannot be given with --preset"),
        (["--preset", "ct", "--cam-weight", "1"], "--cam-weight cannot be given with --preset"),
        (["--anchor", "1", "--cam-weight", "1"], "--anchor is the former name of --cam-weight"),
        (["--mean", "1,2"], "--mean takes 1, 3 or 4 numbers"),
        (["--side", "64,96"], "--side takes 8 to 8192 pixels"),
        (["--shorter-side", "70", "--interpolation", "fast"], "the fast interpolation goes with stretch"),
        (["--classes", "c.csv"], "--classes needs --joint"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_written(
    words: list[str], tmp_path: Path, options: list[str], message: str
) -> None:
    error = train(*words, "-o", tmp_path / "run", *options).exception
    assert isinstance(error, WhyframeError)
    assert message in str(error)
    assert not (tmp_path / "run").exists()


def test_a_run_folder_in_use_is_refused_and_kept(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with FolderLock(tmp_path / "run"):
        error = train(*words, "-o", tmp_path / "run").exception
    assert isinstance(error, WhyframeError)
    assert f"is in use by process {os.getpid()} on " in str(error)
    assert train(*words, "-o", tmp_path / "run").exception is None


@pytest.mark.parametrize("size", [100, 5000], ids=["settings", "checkpoint"])
def test_a_full_disk_is_an_error_of_one_line_and_leaves_no_part(
    words: list[str], tmp_path: Path, size: int
) -> None:
    with full_disk(size):
        error = train(*words, "-o", tmp_path / "run").exception
    assert isinstance(error, OutputError)
    assert re.fullmatch(r"\S+ cannot be written \(File too large\); choose another path\.", str(error))
    assert not list(tmp_path.rglob("*.part"))
    assert all(path.stat().st_size for path in tmp_path.rglob("*.json*"))
