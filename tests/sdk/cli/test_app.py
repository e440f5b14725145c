from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from helpers import clips, toy
from helpers.command_line import COMMAND, ENVIRONMENT
from whyframe.cli import app, main
from whyframe.errors import WhyframeError

COMMANDS = ("run", "demo", "check", "info", "bench", "doctor")


@pytest.mark.parametrize(
    "make", [toy.write_without_manifest, toy.write_newer_schema, toy.write_wrong_outputs]
)
def test_a_bad_model_gives_one_line_and_no_file(whyframe, tmp_path: Path, make) -> None:
    clips.write_clip(tmp_path / "in.mp4")
    make(tmp_path / "bad.onnx")
    for arguments in (["run", "in.mp4"], ["demo"], ["bench"]):
        outcome = whyframe(*arguments, model=tmp_path / "bad.onnx")
        assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (1, "", 1)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad.onnx", "in.mp4"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_page_has_examples(whyframe, command: str) -> None:
    text = whyframe(command, "--help", model=None).out
    assert f"Examples:\n   whyframe {command}" in "\n".join(line.rstrip() for line in text.splitlines())


def test_help_and_version_import_no_heavy_package() -> None:
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


EXTENSION = '''
def train(epochs: int = 3) -> None:
    """Train a mask predictor."""
    import a_package_that_does_not_exist


def greet(name: str = "you") -> None:
    """Say hello."""
    print("hello", name)
'''


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register three commands: one works, one lacks a package when run, and one cannot be imported."""
    (tmp_path / "extension_of_a_test.py").write_text(EXTENSION)
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("greet", "extension_of_a_test:greet", app.COMMAND_GROUP),
        EntryPoint("export", "a_package_that_does_not_exist:export [export]", app.COMMAND_GROUP),
        EntryPoint("train", "extension_of_a_test:train [train]", app.COMMAND_GROUP),
    ]
    monkeypatch.setattr(app, "entry_points", lambda group: entries)


@pytest.mark.usefixtures("extension")
def test_registered_commands_are_listed_and_run(whyframe) -> None:
    listed = whyframe("--help", model=None).out
    assert all(name in listed for name in ("train", "greet", "export", "Train a mask predictor."))
    assert whyframe("greet", "--name", "Ada", model=None).out == "hello Ada\n"


@pytest.mark.usefixtures("extension")
def test_commands_are_listed_in_groups_and_in_the_order_of_their_use(whyframe) -> None:
    listed = whyframe("--help", model=None).out
    order = [*(f"│ {command} " for command in COMMANDS)]
    order += ["─ Make and evaluate models ─", "│ train ", "│ export ", "─ Other commands ─", "│ greet "]
    places = [listed.index(text) for text in order]
    assert places == sorted(places)


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize(
    ("command", "flags"), [("train", ["--epochs", "2"]), ("export", ["RUN", "-o", "a.onnx"])]
)
def test_a_command_without_its_extra_names_the_extra_to_install(
    whyframe, command: str, flags: list[str]
) -> None:
    outcome = whyframe(command, *flags, model=None)
    assert outcome.code == 1
    assert outcome.err == (
        f"whyframe: `whyframe {command}` needs a_package_that_does_not_exist, which is not installed; "
        f"pip install 'whyframe[{command}]'.\n"
    )


@pytest.mark.usefixtures("extension")
def test_the_help_of_a_command_without_its_extra_names_the_extra(whyframe) -> None:
    for arguments in (["--help"], ["export", "--help"]):
        outcome = whyframe(*arguments, model=None)
        assert outcome.code == 0
        assert "pip install 'whyframe[export]'" in " ".join(outcome.out.replace("│", " ").split())


def test_a_wrong_flag_exits_with_2(whyframe) -> None:
    assert whyframe("run", "--no-such-flag", model=None).code == 2


def run_with(body, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> int:
    """Run `main()` with an application that calls a function, and return the exit status."""
    monkeypatch.setattr("sys.argv", ["whyframe", *arguments])
    monkeypatch.setattr(app, "build_app", lambda: lambda **_: body())
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code)


def test_an_unexpected_error_is_one_line_and_a_file_with_the_details(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def body() -> None:
        raise ZeroDivisionError("at rtsp://me:p@ss/w@rd@camera/1 \x1b[31m")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run_with(body, monkeypatch, ["run", "rtsp://me:secret@camera/1", "--model", "a\x1bb"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    (report,) = tmp_path.iterdir()
    text = report.read_text()
    assert str(report) in line
    assert "ZeroDivisionError" in line
    assert "Traceback" in text
    assert "numpy" in text
    assert "secret" not in text
    assert "\x1b" not in line + text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(32, "Broken pipe"), 141),
        (OSError(28, "No space left on device"), 1),
        (PermissionError(13, "Permission denied", "a\x1b[31m\nb"), 1),
        (MemoryError(), 1),
    ],
)
def test_other_ends_of_a_command_leave_no_traceback_and_no_file(
    error: BaseException,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def body() -> None:
        raise error

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run_with(body, monkeypatch, ["run"]) == status
    err = capsys.readouterr().err
    assert len(err.splitlines()) == (status == 1)
    assert "\x1b" not in err
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_output_is_one_line(toy_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "info", str(toy_path)],
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert (
        done.stderr
        == "whyframe: the output cannot be used (No space left on device); check the path and the disk.\n"
    )


def test_a_reader_that_ends_early_keeps_what_is_written(toy_path: Path, tmp_path: Path) -> None:
    clips.write_clip(tmp_path / "in.mp4")
    arguments = ["run", "in.mp4", "--json", "-o", "out.mp4", "--model", str(toy_path)]
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() in (0, 141)  # 0 where everything was in the pipe already
    assert "Traceback" not in err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def fail_with_a_cause() -> None:
    raise WhyframeError("cannot divide: give another number") from ZeroDivisionError("the cause")


@pytest.mark.parametrize("way", ["before", "after", "variable"])
def test_verbose_shows_the_traceback_of_the_cause(
    way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {"before": ["--verbose", "run"], "after": ["run", "--verbose"], "variable": ["run"]}[way]
    monkeypatch.setattr("sys.argv", ["whyframe", *arguments])
    if way == "variable":
        monkeypatch.setenv("WHYFRAME_VERBOSE", "1")
    monkeypatch.setattr(app, "build_app", lambda: lambda **_: fail_with_a_cause())
    with pytest.raises(SystemExit):
        main()
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == ["ZeroDivisionError: the cause", "whyframe: cannot divide: give another number"]


def test_verbose_after_two_dashes_is_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHYFRAME_VERBOSE", raising=False)
    arguments = ["whyframe", "run", "--", "--verbose"]
    monkeypatch.setattr("sys.argv", arguments)
    monkeypatch.setattr(app, "build_app", lambda: lambda **_: fail_with_a_cause())
    with pytest.raises(SystemExit):
        main()
    assert arguments == ["whyframe", "run", "--", "--verbose"]
