"""``whyframe doctor``: a check of the installation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from whyframe.cli.options import Json
from whyframe.files import json_text

if TYPE_CHECKING:
    from whyframe.installation import Finding

__all__ = ["doctor"]

_STATE_STYLES = {"ok": "green", "missing": "yellow", "broken": "red"}


def doctor(as_json: Json = False) -> None:
    """Check the GPU, the drivers and the optional packages, and show how to install what is missing.

    Each component is ok, missing or broken. Missing components are optional:
    whyframe runs on the CPU without them. For each missing or broken component
    the command that installs or repairs it is printed.

    Fields of --json, one object per component:
      what   name of the component
      found  its version, or the problem
      state  ok, missing or broken
      fix    command that installs or repairs it; empty where the state is ok

    Exit status:
      0  no component is broken
      1  a component is broken

    Examples:
      whyframe doctor
      whyframe doctor --json
    """
    from whyframe.installation import inspect_installation

    findings = inspect_installation()
    if as_json:
        print(json_text([dataclasses.asdict(finding) for finding in findings]))
    else:
        _print_findings(findings)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


def _print_findings(findings: list[Finding]) -> None:
    """Print the state of each component in a line, and below it the command that helps, if any."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(soft_wrap=True, highlight=False)
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        style = _STATE_STYLES[finding.state]
        state = f"[{style}]{finding.state:<7}[/]"
        console.print(f"{state}  {escape(finding.what):<{width}}  {escape(finding.found)}")
        if finding.fix:
            console.print(f"{'':>{width + 11}}{escape(finding.fix)}", style="cyan")
