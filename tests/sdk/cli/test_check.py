from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

CODE = """
import numpy as np
from helpers.toy import Toy
from whyframe.check.preparation import Images, Preparation
from whyframe.resize_rule import ResizeRule


def probabilities(path, rule):
    return Toy().probabilities(Images([path], Toy().manifest().input).inputs(Preparation(rule)))


def same(path):
    return probabilities(path, ResizeRule())


def crop(path):
    return probabilities(path, ResizeRule(mode="crop", shorter_side=18, interpolation="bicubic"))


def broken(path):
    raise ValueError("a problem\\nof two lines")
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(4):
        blocks = rng.integers(0, 256, (9, 15, 3), np.uint8)
        path = tmp_path / "photos" / ("sub" if index % 2 else ".") / f"{index}.png"
        cv2.imwrite(str(path), np.kron(blocks, np.ones((7, 7, 1), np.uint8)))
    (tmp_path / "pipeline_of_check.py").write_text(CODE)
    return tmp_path / "photos"


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.usefixtures("photos")
def test_a_pipeline_that_agrees_passes(whyframe, toy_path: Path) -> None:
    outcome = whyframe("check", toy_path, "photos", "--pipeline", "pipeline_of_check.py:same", model=None)
    assert outcome.code == 0, outcome.err
    assert "agreement of the top class pass 100.0%, 4 of 4 images" in words(outcome.out)
    assert outcome.out.splitlines()[-1] == "pass: 4 images, your pipeline given the path"


@pytest.mark.usefixtures("photos")
def test_a_pipeline_that_differs_fails_and_the_stage_is_named(
    whyframe, toy_path: Path, tmp_path: Path
) -> None:
    command = ["check", toy_path, "photos", "--pipeline", "pipeline_of_check.py:crop", "-o", "r.html"]
    outcome = whyframe(*command, model=None)
    assert outcome.code == 1
    text = words(outcome.out)
    assert "resizing differs file: stretch, fast; yours: shorter side 18" in text
    assert "colour order same" in text
    assert "your pipeline agrees best with: shorter side 18, centre crop, bicubic, antialiased" in text
    assert outcome.out.splitlines()[-1].startswith("FAIL: 4 images")
    page = (tmp_path / "r.html").read_text()
    assert "shorter side 18" in page
    assert page.count("<h2>") == 4


@pytest.mark.usefixtures("photos")
def test_the_limits_decide(whyframe, toy_path: Path) -> None:
    command = ["check", toy_path, "photos", "--pipeline", "pipeline_of_check.py:crop"]
    loose = ["--top-agreement", "0", "--mean-difference", "1"]
    assert whyframe(*command, *loose, model=None).code == 0
    assert whyframe(*command, *loose[:2], model=None).code == 1


def test_json_holds_the_figures_and_nothing_else_is_printed(whyframe, toy_path: Path, photos: Path) -> None:
    outcome = whyframe(
        "check", toy_path, photos, "--pipeline", "pipeline_of_check.py:crop", "--json", model=None
    )
    values = json.loads(outcome.out)
    assert (outcome.code, outcome.err, values["passes"]) == (1, "", False)
    assert values["comparison"]["images"] == values["images"] == 4
    assert values["diagnosis"]["best"]["resize"]["interpolation"] == "bicubic"
    assert {stage["name"] for stage in values["diagnosis"]["stages"]} >= {"decoding", "graph"}
    assert values["pipeline_takes"] == "path"


@pytest.mark.usefixtures("photos")
def test_without_a_pipeline_the_file_is_checked_and_what_is_not_checked_is_said(
    whyframe, tmp_path: Path
) -> None:
    outcome = whyframe("check", "photos", "-o", "r.png")
    assert outcome.code == 0, outcome.out
    assert "frame sizes pass" in words(outcome.out)
    assert "not checked: whether your own pipeline reports the same probabilities" in outcome.out
    assert cv2.imread(str(tmp_path / "r.png")) is not None


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["photos", "--pipeline", "pipeline_of_check.py:broken"],
            "ValueError: a problem of two lines; --verbose",
        ),
        (["photos", "--pipeline", "pipeline_of_check.py"], "takes FILE.py:FUNCTION"),
        (["photos", "missing.png"], "there is no image missing.png"),
        (["empty"], "empty holds no images"),
        (["photos", "-o", "r.pdf"], "end it in .html or .png"),
        (["other.onnx", "photos"], "other.onnx is not an image, and --model gives the model already"),
    ],
)
def test_bad_input_gives_one_line(whyframe, tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "empty").mkdir()
    outcome = whyframe("check", *arguments)
    assert (outcome.code, outcome.out) == (1, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("whyframe: ")
    assert message in line


def test_a_model_without_images_is_a_usage_error(whyframe, toy_path: Path) -> None:
    outcome = whyframe("check", toy_path, model=None)
    assert outcome.code == 2
    assert "give images" in outcome.err
    assert whyframe("check", model=None).code == 2


def test_a_missing_model_and_a_damaged_one_are_one_line(whyframe, photos: Path, toy_path: Path) -> None:
    damaged = bytearray(toy_path.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    (photos.parent / "damaged.onnx").write_bytes(damaged)
    for name, message in (("none.onnx", "none.onnx"), ("damaged.onnx", "damaged")):
        outcome = whyframe("check", name, photos, model=None)
        assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (1, "", 1)
        assert message in outcome.err


@pytest.mark.usefixtures("photos")
def test_images_that_cannot_be_read_are_named_and_left_out(whyframe, toy_path: Path) -> None:
    Path("photos/broken.jpg").write_text("broken")
    command = ["check", toy_path, "photos", "--pipeline", "pipeline_of_check.py:same"]
    outcome = whyframe(*command, model=None)
    assert outcome.code == 1
    assert "4 images" in outcome.out.splitlines()[-1]
    assert "left out: photos/broken.jpg is not an image" in outcome.err
    outcome = whyframe("check", toy_path, "photos/broken.jpg", model=None)
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
