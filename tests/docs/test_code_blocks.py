"""Every code block of the README and of the documentation is executed, document by document, in a folder of its own."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

from helpers import workspace

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
    if "```" in path.read_text(encoding="utf-8")
]
LANGUAGES = {"python", "bash", "text"}


def run_in_bash(example: Example) -> None:
    """Run a block as a script that stops at the first failure."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example.parsed],
        env=example.namespace["environment"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{example.parsed}\n{done.stdout}\n{done.stderr}"


SYBIL = Sybil([PythonCodeBlockParser(), CodeBlockParser("bash", run_in_bash), SkipParser()])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    filled = workspace.fill(tmp_path / "work")
    monkeypatch.chdir(filled)
    monkeypatch.setattr(sys, "path", [str(filled), *sys.path])
    document = SYBIL.parse(path)
    document.namespace["environment"] = workspace.environment(tmp_path / "bin", ROOT)
    for example in document.examples():
        with contextlib.suppress(pytest.skip.Exception):  # a comment before the block says why it is not run
            example.evaluate()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_code_block_has_a_language_that_is_run_or_is_plain_text(path: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences[::2]) <= LANGUAGES, fences[::2]
