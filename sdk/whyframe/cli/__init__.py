"""The command ``whyframe``. Heavy packages are imported when a command runs, so that ``--help`` is fast."""

from __future__ import annotations

import sys

from whyframe.errors import WhyframeError

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit.

    An error of whyframe is printed to stderr as one line, and the exit status is 1. After Ctrl-C it is 130.
    """
    from whyframe.cli.app import build_app

    try:
        build_app()(prog_name="whyframe")
    except WhyframeError as error:
        print(f"whyframe: {error}", file=sys.stderr)
        raise SystemExit(1) from None
