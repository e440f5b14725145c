"""What the tests of the command line share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from helpers.command_line import Outcome
from whyframe.cli import main


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
