"""The command ``whyframe``. Heavy packages are imported when a command runs, so that ``--help`` is fast."""

from __future__ import annotations

import os
import sys

from whyframe.errors import WhyframeError
from whyframe.passwords import hide_passwords

__all__ = ["main"]

VERBOSE = "--verbose"
VERBOSE_VARIABLE = "WHYFRAME_VERBOSE"


def main() -> None:
    """Run the command line and exit.

    An error of whyframe is printed to stderr as one line, and the exit status is 1. With ``--verbose`` anywhere among
    the arguments, or the environment variable ``WHYFRAME_VERBOSE``, the traceback of its cause is printed before it.
    After Ctrl-C the exit status is 130; SIGTERM and SIGHUP end a command in the same way, with 143 and 129.
    """
    verbose = _take_verbose(sys.argv)
    from whyframe.cli.app import build_app
    from whyframe.cli.signals import end_on_signals

    try:
        with end_on_signals():
            build_app()(prog_name="whyframe")
    except WhyframeError as error:
        if verbose:
            _print_cause(error)
        print(f"whyframe: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def _take_verbose(arguments: list[str]) -> bool:
    """Remove ``--verbose`` before a ``--`` from the arguments, and return whether tracebacks are wanted."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    given = VERBOSE in arguments[:end]
    arguments[:end] = [argument for argument in arguments[:end] if argument != VERBOSE]
    return given or os.environ.get(VERBOSE_VARIABLE, "0") not in ("", "0")


def _print_cause(error: BaseException) -> None:
    """Print the traceback of the first cause of an error; of the error itself where it has none."""
    import traceback

    while error.__cause__ is not None:
        error = error.__cause__
    # The error of a library can name an address with its password, which an error of whyframe never does.
    print(hide_passwords("".join(traceback.format_exception(error))), end="", file=sys.stderr)
