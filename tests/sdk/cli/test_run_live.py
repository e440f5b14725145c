from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from helpers import clips
from helpers.command_line import COMMAND, ENVIRONMENT, default_signals
from helpers.live_server import MjpegServer


@pytest.fixture(autouse=True)
def _short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyframe.video.sources.NETWORK_TIMEOUT_MS", 700)


def test_a_live_source_that_ends_gives_a_video_one_line_and_exit_status_1(whyframe, tmp_path: Path) -> None:
    with MjpegServer(frames=30) as server:
        outcome = whyframe("run", server.address, "-o", "out.mp4")
    assert outcome.code == 1
    line = outcome.err.splitlines()[-1]
    assert line.startswith(f"whyframe: {server.shown} ")
    assert "after 30 frames" in line
    assert "cret" not in outcome.err
    assert len(clips.read_video(tmp_path / "out.mp4")) > 1
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_json_counts_dropped_frames_and_gaps(whyframe) -> None:
    with MjpegServer(frames=15) as server:
        outcome = whyframe("run", server.address, "--json", "--reconnect", "--max-frames", 25)
    assert outcome.code == 0
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert len(lines) + sum(line["dropped"] for line in lines) == lines[-1]["index"] + 1
    gaps = [line["gap"] for line in lines if line["gap"]]
    lost, back = outcome.err.splitlines()[:2]
    assert lost.startswith(f"whyframe: {server.shown} ")
    assert f"{server.shown} is back after a gap of {gaps[0]:.1f} s" in back
    assert "cret" not in outcome.out + outcome.err


def test_a_source_that_stays_away_ends_a_run_with_reconnect(whyframe, tmp_path: Path) -> None:
    with MjpegServer() as server:
        server.kill_after(10)
        outcome = whyframe("run", server.address, "-o", "out.mp4", "--reconnect", "--give-up", 0.5)
    assert outcome.code == 1
    assert "did not come back within 0.5 s" in outcome.err.splitlines()[-1]
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_a_password_shows_in_no_error_and_no_traceback(whyframe) -> None:
    with MjpegServer() as server:
        address = server.address
    for flags in ([], ["--verbose"]):
        outcome = whyframe("run", address, *flags)
        assert outcome.code == 1
        assert "cret" not in outcome.err
        assert server.shown in outcome.err.splitlines()[-1]


def test_sigterm_ends_a_live_run_at_once_even_while_the_server_is_frozen(
    tmp_path: Path, toy_path: Path
) -> None:
    with MjpegServer() as server:
        arguments = ["run", server.address, "-o", tmp_path / "out.mp4", "--model", toy_path, "--reconnect"]
        running = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            preexec_fn=default_signals,
        )
        while running.poll() is None and not any(tmp_path.glob(".*")):
            time.sleep(0.05)
        time.sleep(1)
        server.freeze()
        time.sleep(0.2)
        start = time.monotonic()
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=30)
    assert running.returncode == 143, err
    assert time.monotonic() - start < 4
    assert len(clips.read_video(tmp_path / "out.mp4")) > 1
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
