from __future__ import annotations

import inspect
import json
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers import clips
from helpers.command_line import COMMAND, ENVIRONMENT, default_signals
from whyframe import ExplainEngine, Explanation
from whyframe.cli.run import run

FIELDS = {
    "index",
    "timestamp",
    "class_id",
    "label",
    "contrast",
    "probability",
    "top5",
    "labels_above_threshold",
    "no_signal",
    "flat",
    "peak",
    "timings",
}


def test_a_video_becomes_a_video(whyframe, tmp_path: Path) -> None:
    clips.write_clip(tmp_path / "in.mp4", sound="aac")
    outcome = whyframe("run", "in.mp4", "-o", "out.mp4", "--target", "blue")
    assert (outcome.code, outcome.out) == (0, "")
    summary, latency = outcome.err.splitlines()
    assert summary == "out.mp4 (H.264 by PyAV with its sound): 30 frames of 64 x 48 at 30 fps"
    assert "mostly blue (30)" in latency
    assert len(clips.read_video(tmp_path / "out.mp4")) == 30


def test_an_image_and_a_folder_get_default_names(whyframe, tmp_path: Path, engine: ExplainEngine) -> None:
    clips.write_images(tmp_path / "photos")
    cv2.imwrite("one.png", clips.numbered_image(7))
    assert whyframe("run", "one.png").code == 0
    np.testing.assert_array_equal(
        cv2.imread("one-explained.png"), engine.run(clips.numbered_image(7)).overlay()
    )
    assert whyframe("run", "photos").code == 0
    assert len(list((tmp_path / "photos-explained").iterdir())) == 3


def test_a_video_of_another_format_becomes_an_mp4(whyframe, tmp_path: Path) -> None:
    clips.write_clip(tmp_path / "in.ts")
    assert whyframe("run", "in.ts").code == 0
    assert len(clips.read_video(tmp_path / "in-explained.mp4")) == 30


def test_json_is_a_line_per_frame_and_writes_no_file(whyframe, tmp_path: Path, engine: ExplainEngine) -> None:
    clips.write_clip(tmp_path / "in.mp4")
    outcome = whyframe("run", "in.mp4", "--json", "--max-frames", 5)
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert [line["index"] for line in lines] == list(range(5))
    assert all(set(line) == FIELDS for line in lines)
    expected = [result.to_dict() for result in engine.stream(tmp_path / "in.mp4")][:5]
    for line, fields in zip(lines, expected, strict=True):
        assert {**line, "timings": 0} == {**json.loads(json.dumps(fields)), "timings": 0}
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


def test_versus_names_the_class_that_the_target_is_explained_against(whyframe, tmp_path: Path) -> None:
    clips.write_clip(tmp_path / "in.mp4")
    outcome = whyframe("run", "in.mp4", "--json", "--max-frames", 1, "--target", "red", "--versus", "blue")
    line = json.loads(outcome.out)
    assert (line["label"], line["contrast"]) == ("red", "blue")


def test_json_names_the_files_of_a_folder_and_can_be_combined_with_an_output(
    whyframe, tmp_path: Path
) -> None:
    clips.write_images(tmp_path / "in")
    outcome = whyframe("run", "in", "--json", "-o", "out")
    assert [json.loads(line)["file"] for line in outcome.out.splitlines()] == ["0.png", "1.png", "2.png"]
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_the_help_documents_every_field(whyframe) -> None:
    text = whyframe("run", "--help", model=None).out
    described = {line.split()[0] for line in text.splitlines() if line.startswith("   ") and line.strip()}
    assert described >= FIELDS | {"file"}
    assert "whyframe run clip.mp4 -o out.mp4" in text


def test_refine_and_max_frames_are_applied(whyframe, tmp_path: Path) -> None:
    clips.write_clip(tmp_path / "in.mp4", sound="aac")
    outcome = whyframe("run", "in.mp4", "-o", "out.mp4", "--refine", 4, "--max-frames", 3)
    assert outcome.code == 0
    assert len(clips.read_video(tmp_path / "out.mp4")) == 3


def test_colormap_opacity_and_caption_are_those_of_the_overlay(
    whyframe, tmp_path: Path, engine: ExplainEngine
) -> None:
    image = cv2.resize(clips.numbered_image(7), (640, 480))
    cv2.imwrite("in.png", image)
    options = ["--colormap", "viridis", "--opacity", "0.5", "--no-caption"]
    assert whyframe("run", "in.png", "-o", "out.png", *options).code == 0
    expected = engine.run(image).overlay(colormap="viridis", opacity=0.5, caption=False)
    np.testing.assert_array_equal(cv2.imread("out.png"), expected)


def test_the_defaults_of_the_drawing_are_those_of_the_overlay() -> None:
    """The command repeats them, because its help must not import OpenCV."""
    options, keywords = inspect.signature(run).parameters, inspect.signature(Explanation.overlay).parameters
    for name in ("colormap", "opacity", "caption"):
        assert options[name].default == keywords[name].default


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "missing.mp4"], "missing.mp4 does not exist"),
        (["run", "text.mp4"], "text.mp4 is not a video"),
        (["run", "cut-in.mp4"], "cut-in.mp4 is cut short"),
        (["run", "97"], "camera 97 cannot be opened"),
        (["run", "empty"], "empty holds no images"),
        (["run", "in.mp4", "--target", "grean"], "'green'"),
        (["run", "in.mp4", "--target", "5"], "0 to 4"),
        (["run", "in.mp4", "-o", "none/out.mp4"], "none does not exist"),
        (["run", "in.mp4", "-o", "out.doc"], "end it in .mp4"),
        (["run", "in.mp4", "-o", "in.mp4"], "is the input itself"),
        (["run", "in.mp4", "--colormap", "rainbows"], "turbo"),
        (["run", "in.mp4", "--backend", "tensorrt", "--device", "cpu"], "runs on a GPU"),
        (["run", "in.mp4", "--device", "gpu"], "gpu"),
        (["demo", "-o", "none/demo.png"], "none does not exist"),
        (["demo", "-o", "demo.gif"], "demo.gif is not the name of an image"),
    ],
)
def test_bad_input_gives_one_line_and_no_file(
    whyframe, tmp_path: Path, arguments: list[str], message: str
) -> None:
    clips.truncate(clips.write_clip(tmp_path / "in.mp4"))
    (tmp_path / "text.mp4").write_text("a text file")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.iterdir())
    outcome = whyframe(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("whyframe: ")
    assert message in line
    assert sorted(tmp_path.iterdir()) == before


def test_a_cut_video_is_explained_up_to_its_end_and_exits_with_1(whyframe, tmp_path: Path) -> None:
    clips.truncate(clips.write_clip(tmp_path / "in.mkv"))
    outcome = whyframe("run", "cut-in.mkv", "-o", "out.mp4")
    frames = len(clips.read_video(tmp_path / "out.mp4"))
    assert outcome.code == 1
    assert 0 < frames < 30
    assert f"cut-in.mkv is cut short: {frames} of the 30 frames" in outcome.err.splitlines()[-1]


def test_a_damaged_image_in_a_folder_is_reported(whyframe, tmp_path: Path) -> None:
    folder = clips.write_images(tmp_path / "in")
    (folder / "1.png").write_bytes(b"damaged")
    outcome = whyframe("run", "in", "-o", "out")
    assert outcome.code == 1
    assert "1.png is not an image" in outcome.err
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0.png", "2.png"]


def test_a_folder_of_only_damaged_images_gives_no_output(whyframe, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"damaged")
    outcome = whyframe("run", "in", "-o", "out")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["in"]


def test_ctrl_c_leaves_a_file_that_plays(tmp_path: Path, toy_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", frames=3000, sound="aac")
    output, lines = tmp_path / "out.mp4", tmp_path / "lines"
    command = [*COMMAND, *map(str, ["run", source, "-o", output, "--model", toy_path, "--json"])]
    with lines.open("wb") as out:
        running = subprocess.Popen(
            command,
            env=ENVIRONMENT,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=default_signals,
        )
    while running.poll() is None and lines.read_bytes().count(b"\n") < 20:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    done = lines.read_bytes().count(b"\n")
    assert done < 3000, "it ended before it was interrupted"
    assert done - 1 <= len(clips.read_video(output)) <= done
    assert "Traceback" not in err
    assert f": {done - 1} frames" in err or f": {done} frames" in err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "lines", "out.mp4"]
