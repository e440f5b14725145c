"""Fixtures of the tests of the command line."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from helpers.command_line import Outcome
from whyframe.cli import main

_STYLE = re.compile(r"\x1b\[[0-9;]*m")  # typer prints styles into a pipe too where a CI service is recognised


@pytest.fixture
def whyframe(
    tmp_path: Path, toy_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """Return a function that runs `whyframe ARGUMENTS --model toy` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object, model: Path | None = toy_path) -> Outcome:
        flags = ["--model", str(model)] if model else []
        monkeypatch.setattr(sys, "argv", ["whyframe", *map(str, arguments), *flags])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = (_STYLE.sub("", text) for text in capfd.readouterr())
        return Outcome(int(caught.value.code or 0), out, err)

    return run
