"""The command ``whyframe``. Heavy packages are imported when a command runs, so that ``--help`` is fast."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

from whyframe.errors import WhyframeError, one_line
from whyframe.passwords import hide_passwords
from whyframe.reader_threads import end_at_once

__all__ = ["main"]

VERBOSE = "--verbose"
VERBOSE_VARIABLE = "WHYFRAME_VERBOSE"
_INTERRUPTED, _BROKEN_PIPE = 130, 141  # as a shell reports SIGINT and SIGPIPE


def main() -> None:
    """Run the command line and exit.

    An error of whyframe, and one of the operating system about a file, is printed to stderr as one line, and the exit
    status is 1. Any other error is a mistake in the program: its line also names a file with the details. With
    ``--verbose`` anywhere among the arguments, or the environment variable ``WHYFRAME_VERBOSE``, the traceback of the
    cause is printed before the line. After Ctrl-C the exit status is 130; SIGTERM and SIGHUP end
    a command in the same way, with 143 and 129. Where the reader of the output has ended, as
    ``head`` does, the command ends quietly with status 141.
    """
    verbose = _take_verbose(sys.argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(
            stream, "reconfigure"
        ):  # a name that is not UTF-8, or a label in a terminal that has only ASCII
            stream.reconfigure(errors="backslashreplace")
    status = _flushed(_status_of_command(verbose))
    end_at_once(status)
    raise SystemExit(status)


def _status_of_command(verbose: bool) -> int:
    """Run the command, print its error, and return the exit status."""
    try:
        from whyframe.cli.app import run_app

        return run_app()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _BROKEN_PIPE
    except WhyframeError as error:
        return _report(error, str(error), verbose)
    except MemoryError as error:
        return _report(error, "there is not enough memory; give a smaller input or fewer threads.", verbose)
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            return _last_resort(error, verbose)
        place = "the output" if error.filename is None else one_line(str(error.filename))
        reason = one_line(error.strerror or error)
        return _report(error, f"{place} cannot be used ({reason}); check the path and the disk.", verbose)
    except Exception as error:
        return _last_resort(error, verbose)


def _last_resort(error: Exception, verbose: bool) -> int:
    from whyframe.cli.crash_report import write_crash_report

    return _report(error, write_crash_report(error, sys.argv), verbose)


def _report(error: BaseException, line: str, verbose: bool) -> int:
    """Print an error, in one line; return the exit status 1."""
    if verbose:
        _print_cause(error)
    with contextlib.suppress(OSError):  # stderr may be closed or full
        print(f"whyframe: {line}", file=sys.stderr)
    return 1


def _flushed(status: int) -> int:
    """Write what is left of the output; return the exit status, which is an error where that fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _discard_output(status or _BROKEN_PIPE)
    except OSError as error:
        _report(error, f"the output cannot be written ({one_line(error.strerror or error)}).", False)
        return _discard_output(1)
    return status


def _discard_output(status: int) -> int:
    """Send what is left of the output nowhere, so that Python does not complain about it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


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
