"""The structure that CONTRIBUTING describes: the import contract, and files and functions that are short."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("sdk", "training", "export", "benchmarks", "examples", "docs", "kernels")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_FUNCTION = 300, 45, 8

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Return the number of lines of a function's body without its docstring."""
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - statements[0].lineno + 1 if statements else 0


def test_imports_run_one_way_and_nothing_imports_in_a_circle() -> None:
    program = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    long = {function.name: body_lines(function) for function in functions(path)}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}


def test_half_of_the_functions_are_shorter_than_the_median_that_contributing_states() -> None:
    lengths = [body_lines(function) for path in SOURCES for function in functions(path)]
    assert statistics.median(lengths) < MEDIAN_FUNCTION
