"""Command-line parser, result files and Markdown tables of the benchmark scripts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from whyframe.files import atomic_write


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows a script's docstring unchanged and takes the option ``-o NAME``."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="NAME",
        help="path of the result files, without suffix",
    )
    return parser


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table without a newline at the end.

    Args:
        header: Titles of the columns.
        rows: Cells of each row, as many as there are columns.
    """
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    lines.insert(1, "|" + "---|" * len(header))
    return "\n".join(lines)


def write_results(name: Path, page: str, values: str | None = None) -> None:
    """Print the page, and write it as ``NAME.md`` and the raw values as ``NAME.json``.

    Args:
        name: Path of the files, without suffix.
        page: The page in Markdown.
        values: The raw values as JSON text; None for a page without a file of values.
    """
    if values is not None:
        atomic_write(name.with_suffix(".json"), f"{values.rstrip()}\n".encode())
    atomic_write(name.with_suffix(".md"), page.encode())
    print(page)
