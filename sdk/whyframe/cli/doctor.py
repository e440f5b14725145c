"""``whyframe doctor``: what this machine can run, and what would add the rest."""

from __future__ import annotations

import dataclasses
import json

import typer

from whyframe.cli.options import Json

__all__ = ["doctor"]

_MARKS = {"ok": "[green]ok[/]     ", "missing": "[yellow]missing[/]", "broken": "[red]broken[/] "}


def doctor(as_json: Json = False) -> None:
    """List GPU, driver, CUDA, TensorRT, providers and kernels, and for each missing piece the command that adds it.

    Nothing that is missing is needed to run on a CPU. Exits with 1 where something installed is broken.

    \b
    whyframe doctor
    whyframe doctor --json
    """  # noqa: D301 - a real backspace keeps the lines of the examples apart
    from rich.console import Console
    from rich.markup import escape

    from whyframe.installation import inspect_installation

    findings = inspect_installation()
    if as_json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings]))
    else:
        console = Console(soft_wrap=True, highlight=False)
        width = max(len(finding.what) for finding in findings)
        for one in findings:
            console.print(f"{_MARKS[one.state]}  {escape(one.what):<{width}}  {escape(one.found)}")
            if one.fix:
                console.print(f"{'':>{width + 11}}{escape(one.fix)}", style="cyan")
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)
