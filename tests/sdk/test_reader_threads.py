from __future__ import annotations

import subprocess
import sys

import pytest

from helpers.command_line import ENVIRONMENT

START = """
import sys, time
from whyframe.reader_threads import end_at_once, start_reader
start_reader(lambda: time.sleep(SECONDS), "short-lived").join()
start_reader(lambda: (time.sleep(SECONDS), print("read")), "reader")
"""


def run(code: str, seconds: float) -> tuple[int, str]:
    script = START.replace("SECONDS", str(seconds)) + code
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_the_end_waits_for_a_blocked_reader() -> None:
    assert run("raise SystemExit(7)", 0.5) == (7, "read\n")


@pytest.mark.parametrize("status", [0, 143])
def test_a_command_does_not_wait_and_keeps_its_status_and_output(status: int) -> None:
    code = f"print('done'); end_at_once({status}); raise SystemExit({status})"
    assert run(code, 1.5) == (status, "done\n")
