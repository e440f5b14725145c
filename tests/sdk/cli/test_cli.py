"""The command line as people run it: through `main`, and in a process of its own for signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers import clips, toy
from whyframe import ExplainEngine
from whyframe.cli import app, main

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "sdk")}
FIELDS = {
    "index",
    "timestamp",
    "class_id",
    "label",
    "probability",
    "top5",
    "no_signal",
    "flat",
    "peak",
    "timings",
}


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def whyframe(
    tmp_path: Path, toy_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """Runs `whyframe ARGUMENTS --model toy` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, model: Path | None = toy_path) -> Outcome:
        flags = ["--model", str(model)] if model else []
        monkeypatch.setattr(sys, "argv", ["whyframe", *map(str, arguments), *flags])
        with pytest.raises(SystemExit) as caught:
            main()
        return Outcome(int(caught.value.code or 0), *capfd.readouterr())

    return run


def test_a_video(whyframe, tmp_path: Path) -> None:
    clips.write_clip(tmp_path / "in.mp4", sound="aac")
    outcome = whyframe("run", "in.mp4", "-o", "out.mp4", "--target", "blue")
    assert (outcome.code, outcome.out) == (0, "")
    summary, latency = outcome.err.splitlines()
    assert summary == "out.mp4 (H.264 by PyAV with its sound): 30 frames of 64 x 48 at 30 fps"
    assert "mostly blue (30)" in latency
    assert len(clips.read_video(tmp_path / "out.mp4")) == 30


def test_an_image_and_a_folder_get_default_names(whyframe, tmp_path: Path, engine: ExplainEngine) -> None:
    clips.write_images(tmp_path / "photos")
    cv2.imwrite("one.png", clips.picture(7))
    assert whyframe("run", "one.png").code == 0
    np.testing.assert_array_equal(cv2.imread("one-explained.png"), engine.run(clips.picture(7)).overlay())
    assert whyframe("run", "photos").code == 0
    assert len(list((tmp_path / "photos-explained").iterdir())) == 3


def test_a_video_of_another_format_gets_an_mp4(whyframe, tmp_path: Path) -> None:
    clips.write_clip(tmp_path / "in.ts")
    assert whyframe("run", "in.ts").code == 0
    assert len(clips.read_video(tmp_path / "in-explained.mp4")) == 30


def test_json_is_one_line_a_frame_and_writes_no_file(whyframe, tmp_path: Path, engine: ExplainEngine) -> None:
    clips.write_clip(tmp_path / "in.mp4")
    outcome = whyframe("run", "in.mp4", "--json", "--max-frames", 5)
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert [line["index"] for line in lines] == list(range(5))
    assert all(set(line) == FIELDS for line in lines)
    expected = [result.to_dict() for result in engine.stream(tmp_path / "in.mp4")][:5]
    for line, one in zip(lines, expected, strict=True):
        assert {**line, "timings": 0} == {**json.loads(json.dumps(one)), "timings": 0}
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


def test_json_names_the_files_of_a_folder_and_can_write_too(whyframe, tmp_path: Path) -> None:
    clips.write_images(tmp_path / "in")
    outcome = whyframe("run", "in", "--json", "-o", "out")
    assert [json.loads(line)["file"] for line in outcome.out.splitlines()] == ["0.png", "1.png", "2.png"]
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_the_help_documents_every_field(whyframe) -> None:
    text = whyframe("run", "--help", model=None).out
    assert all(field in text for field in FIELDS)
    assert "whyframe run clip.mp4 -o out.mp4" in text


def test_refine_and_max_frames(whyframe, tmp_path: Path) -> None:
    clips.write_clip(tmp_path / "in.mp4", sound="aac")
    outcome = whyframe("run", "in.mp4", "-o", "out.mp4", "--refine", 4, "--max-frames", 3)
    assert outcome.code == 0
    assert len(clips.read_video(tmp_path / "out.mp4")) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
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
        (["run", "in.mp4", "--backend", "tensorrt", "--device", "cpu"], "runs on a GPU"),
        (["run", "in.mp4", "--device", "gpu"], "gpu"),
        (["demo", "-o", "none/demo.png"], "none does not exist"),
        (["demo", "-o", "demo.gif"], "demo.gif is not the name of an image"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    whyframe, tmp_path: Path, arguments: list[str], says: str
) -> None:
    clips.cut(clips.write_clip(tmp_path / "in.mp4"))
    (tmp_path / "text.mp4").write_text("a text file")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.iterdir())
    outcome = whyframe(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("whyframe: ")
    assert says in line
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "make", [toy.write_without_manifest, toy.write_newer_schema, toy.write_wrong_outputs]
)
def test_a_bad_model_is_one_line(whyframe, tmp_path: Path, make) -> None:
    clips.write_clip(tmp_path / "in.mp4")
    make(tmp_path / "bad.onnx")
    for arguments in (["run", "in.mp4"], ["demo"], ["bench"]):
        outcome = whyframe(*arguments, model=tmp_path / "bad.onnx")
        assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (1, "", 1)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad.onnx", "in.mp4"]


def test_a_cut_video_is_explained_up_to_the_break_and_exits_with_1(whyframe, tmp_path: Path) -> None:
    clips.cut(clips.write_clip(tmp_path / "in.mkv"))
    outcome = whyframe("run", "cut-in.mkv", "-o", "out.mp4")
    frames = len(clips.read_video(tmp_path / "out.mp4"))
    assert outcome.code == 1
    assert 0 < frames < 30
    assert f"cut-in.mkv is cut short: {frames} of the 30 frames" in outcome.err.splitlines()[-1]


def test_a_broken_picture_in_a_folder_is_reported(whyframe, tmp_path: Path) -> None:
    folder = clips.write_images(tmp_path / "in")
    (folder / "1.png").write_bytes(b"broken")
    outcome = whyframe("run", "in", "-o", "out")
    assert outcome.code == 1
    assert "1.png is not an image" in outcome.err
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0.png", "2.png"]


def test_a_folder_of_broken_pictures_only(whyframe, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"broken")
    outcome = whyframe("run", "in", "-o", "out")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["in"]


def test_ctrl_c_leaves_a_file_that_plays(tmp_path: Path, toy_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", frames=3000, sound="aac")
    output, lines = tmp_path / "out.mp4", tmp_path / "lines"
    flags = ["run", source, "-o", output, "--model", toy_path, "--json"]
    command = [sys.executable, "-c", "from whyframe.cli import main; main()", *map(str, flags)]
    with lines.open("wb") as out:
        running = subprocess.Popen(command, env=ENVIRONMENT, stdout=out, stderr=subprocess.PIPE, text=True)
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


def test_demo_writes_the_pictures_beside_their_explanations(whyframe, tmp_path: Path) -> None:
    outcome = whyframe("demo")
    coffee, cat, place = outcome.out.splitlines()
    assert outcome.code == 0
    assert coffee.startswith("coffee.jpg: ")
    assert cat.startswith("cat.jpg: ")
    assert place.endswith(str(tmp_path / "whyframe-demo.png"))
    sheet = cv2.imread("whyframe-demo.png")
    left, right = sheet[16:400, 16:656], sheet[16:400, 672:1312]
    assert np.abs(np.float32(left) - np.float32(right)).mean() > 1, "the right one has a map on it"
    assert (sheet[:8] == 255).all()


def test_info_tells_the_manifest_the_versions_and_the_backend(whyframe, toy_path: Path) -> None:
    text = whyframe("info", toy_path, model=None).out
    for fact in ("mask_side", "ct, eta 1.5, h 2.5", "onnxruntime", "CPUExecutionProvider", "PyAV", "5 ("):
        assert fact in text
    facts = json.loads(whyframe("info", toy_path, "--json", model=None).out)
    assert facts["manifest"]["labels"] == list(toy.LABELS)
    assert facts["versions"]["numpy"] == np.__version__
    labels = whyframe("info", toy_path, "--labels", model=None).out.splitlines()
    assert labels[3] == "3\twhite, bright"


def test_bench_prints_quartiles_and_ratios(whyframe) -> None:
    text = whyframe("bench", "--rounds", 2).out
    assert "explanation overhead (fused / classifier alone): " in text
    assert "run() on a 1280 x 720 frame" in text
    values = json.loads(whyframe("bench", "--rounds", 2, "--json").out)
    assert values["machine"]["frame"] == "1280 x 720"
    assert len(values["samples_ms"]["fused"]) == 2


def test_help_and_version_load_nothing_heavy() -> None:
    code = """
import sys
from whyframe.cli import main
sys.argv = ["whyframe", FLAG]
try:
    main()
except SystemExit as end:
    assert not end.code
heavy = {"cv2", "numpy", "onnxruntime", "torch", "onnx", "av"} & set(sys.modules)
assert not heavy, heavy
"""
    for flag in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("FLAG", repr(flag))],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "whyframe" in done.stdout


COMMAND = '''
def train(epochs: int = 3) -> None:
    """Train a mask predictor."""
    import a_package_that_nobody_has


def greet(name: str = "you") -> None:
    """Say hello."""
    print("hello", name)
'''


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three registered commands: one works, one lacks a package when run, one cannot even be imported."""
    (tmp_path / "extension_of_a_test.py").write_text(COMMAND)
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("train", "extension_of_a_test:train [train]", app.COMMAND_GROUP),
        EntryPoint("greet", "extension_of_a_test:greet", app.COMMAND_GROUP),
        EntryPoint("export", "a_package_that_nobody_has:export [export]", app.COMMAND_GROUP),
    ]
    monkeypatch.setattr(app, "entry_points", lambda group: entries)


@pytest.mark.usefixtures("extension")
def test_registered_commands_are_listed_and_run(whyframe) -> None:
    listed = whyframe("--help", model=None).out
    assert all(name in listed for name in ("train", "greet", "export", "Train a mask predictor."))
    assert whyframe("greet", "--name", "Ada", model=None).out == "hello Ada\n"


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize(
    ("command", "flags"), [("train", ["--epochs", "2"]), ("export", ["RUN", "-o", "a.onnx"])]
)
def test_a_command_without_its_extra_says_what_to_install(whyframe, command: str, flags: list[str]) -> None:
    outcome = whyframe(command, *flags, model=None)
    assert outcome.code == 1
    assert outcome.err == (
        f"whyframe: `whyframe {command}` needs a_package_that_nobody_has, which is not installed; "
        f"pip install 'whyframe[{command}]'.\n"
    )


def test_a_wrong_flag_exits_with_2(whyframe) -> None:
    assert whyframe("run", "--no-such-flag", model=None).code == 2


def test_an_unforeseen_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(app, "build_app", lambda: lambda **_: broken())
    with pytest.raises(ZeroDivisionError):
        main()
