from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from helpers import clips
from helpers.command_line import COMMAND, ENVIRONMENT, default_signals


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes longer to explain than the tests wait."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "in.mp4", frames=3000)


@pytest.fixture(autouse=True)
def _input(long_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "in.mp4").hardlink_to(long_clip)


def start(
    folder: Path, toy_path: Path, *, prefix: tuple[str, ...] = (), **options
) -> subprocess.Popen[bytes]:
    """Start a run of 3000 frames into ``out.mp4``, and wait until 20 of them are explained."""
    arguments = ["run", folder / "in.mp4", "-o", folder / "out.mp4", "--model", toy_path, "--json"]
    lines = folder / "lines"
    with lines.open("wb") as out:
        command = [*prefix, *COMMAND, *map(str, arguments)]
        running = subprocess.Popen(
            command, env=ENVIRONMENT, stdout=out, preexec_fn=default_signals, **options
        )
    while running.poll() is None and lines.read_bytes().count(b"\n") < 20:
        time.sleep(0.01)
    assert running.poll() is None
    return running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_as_ctrl_c_does(tmp_path: Path, toy_path: Path, number: signal.Signals) -> None:
    running = start(tmp_path, toy_path, stderr=subprocess.PIPE)
    for _ in range(3):  # a service manager repeats it
        running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 128 + number, err
    done = (tmp_path / "lines").read_bytes().count(b"\n")
    assert done - 1 <= len(clips.read_video(tmp_path / "out.mp4")) <= done < 3000
    assert b"Traceback" not in err
    assert b"frames of 64 x 48" in err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "lines", "out.mp4"]


def test_a_closed_terminal_leaves_a_file_that_plays(tmp_path: Path, toy_path: Path) -> None:
    terminal, screen = pty.openpty()
    running = start(tmp_path, toy_path, stderr=screen, stdin=screen, start_new_session=True)
    os.close(screen)
    os.close(terminal)
    running.send_signal(signal.SIGHUP)
    assert running.wait(30) == 129
    assert len(clips.read_video(tmp_path / "out.mp4")) >= 19
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "lines", "out.mp4"]


def test_a_killed_run_leaves_a_part_that_the_next_run_sweeps(
    whyframe, tmp_path: Path, toy_path: Path
) -> None:
    running = start(tmp_path, toy_path, stderr=subprocess.DEVNULL)
    running.kill()
    running.wait()
    (part,) = tmp_path.glob(".*")
    assert str(running.pid) in part.name
    assert whyframe("run", "in.mp4", "-o", "other.mp4", "--max-frames", 1).code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "lines", "other.mp4"]


def test_an_ignored_signal_stays_ignored(tmp_path: Path, toy_path: Path) -> None:
    running = start(tmp_path, toy_path, prefix=("nohup",), stderr=subprocess.DEVNULL)
    running.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert running.poll() is None
    running.terminate()
    assert running.wait(30) == 143
