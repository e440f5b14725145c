"""The command line in a process of its own, and the outcome of a command."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "sdk")}
"""Environment in which a new Python process finds the package."""

COMMAND = [sys.executable, "-c", "from whyframe.cli import main; main()"]
"""Start of a command line that runs `whyframe` in a new process."""


def default_signals() -> None:
    """Let a new process be ended by signals, also where the tests were started with ``nohup`` and ignore them."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Outcome(NamedTuple):
    """Exit status and output of a command."""

    code: int
    out: str
    err: str
