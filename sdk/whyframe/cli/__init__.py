"""The command line, ``whyframe``. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys

from whyframe.errors import WhyframeError

__all__ = ["main"]


def main() -> None:
    """Runs the command line: the project's errors are one line on stderr and exit 1; Ctrl-C exits 130."""
    from whyframe.cli.app import build_app

    try:
        build_app()(prog_name="whyframe")
    except WhyframeError as error:
        print(f"whyframe: {error}", file=sys.stderr)
        raise SystemExit(1) from None
