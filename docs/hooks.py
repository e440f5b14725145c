"""MkDocs hooks: pages from outside docs/, the commands' help, and equations as MathML without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import latex2mathml.converter
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

ROOT = Path(__file__).parents[1]
PAGES = {
    "changelog.md": ROOT / "CHANGELOG.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "results/model-card.md": ROOT / "sdk/whyframe/models/MODEL_CARD.md",
}
COMMANDS = "<!-- commands -->"
CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
EQUATION = re.compile(r"\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+?)\$", re.DOTALL)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the results, the model card, the changelog and the contributor's guide to the site."""
    results = ROOT / "benchmarks" / "results"
    found = [path for path in results.rglob("*") if path.suffix in {".md", ".png", ".jpg", ".svg"}]
    pages = {f"results/{path.relative_to(results).as_posix()}": path for path in found} | PAGES
    for uri, path in pages.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Insert the help of the commands, and convert equations between dollar signs to MathML."""
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, _command_help())
    parts = CODE.split(markdown)
    return "".join(part if CODE.match(part) else EQUATION.sub(_to_mathml, part) for part in parts)


def _to_mathml(match: re.Match[str]) -> str:
    block = match["block"]
    display = "inline" if block is None else "block"
    return latex2mathml.converter.convert(match["inline"] if block is None else block, display=display)


def _command_help() -> str:
    from whyframe.cli.app import build_app

    program = typer.main.get_command(build_app())
    context = typer.Context(program, info_name="whyframe")
    pages = (
        get_docs_for_click(obj=command, ctx=context, name=name, call_prefix="whyframe", indent=1)
        for name, command in sorted(program.commands.items())  # type: ignore[attr-defined]
    )
    return "\n".join(map(_with_code_blocks, pages))


def _with_code_blocks(page: str) -> str:
    r"""Return a command's help whose indented lines, and paragraphs after a line with \b, are code blocks."""
    text, usage, options = page.partition("**Usage**")
    return "\n\n".join(map(_with_code_block, text.split("\n\n"))) + usage + options


def _with_code_block(paragraph: str) -> str:
    lines = paragraph.removeprefix("\b\n").splitlines()
    verbatim = paragraph.startswith("\b\n")
    start = next((i for i, line in enumerate(lines) if verbatim or line.startswith("  ")), len(lines))
    if start == len(lines):
        return paragraph
    code = "\n".join(line.removeprefix("  ") for line in lines[start:])
    return "\n".join([*lines[:start], "", f"```text\n{code}\n```"])
