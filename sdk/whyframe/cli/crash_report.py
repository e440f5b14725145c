"""Report of an error that no command expects, written to a file."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from whyframe.errors import one_line
from whyframe.passwords import hide_passwords
from whyframe.printable import printable

__all__ = ["write_crash_report"]

_PACKAGES = ("whyframe", "numpy", "onnxruntime", "opencv-python", "av", "pillow", "typer", "torch", "onnx")
_ISSUES = "https://github.com/whyframe/whyframe/issues"


def write_crash_report(error: BaseException, arguments: Sequence[str]) -> str:
    """Write the traceback, the versions and the arguments to a new file in the folder for temporary files.

    Args:
        error: The error.
        arguments: The command line; the user and the password of an address are left out.

    Returns:
        The error, the file and what to do, in one line for the user.
    """
    line = f"unexpected {type(error).__name__}: {hide_passwords(one_line(error))}"
    try:
        descriptor, path = tempfile.mkstemp(prefix="whyframe-error-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_details(error, arguments))
    except OSError:
        return f"{line}; please report it at {_ISSUES}, with what --verbose prints."
    return f"{line}; please report it at {_ISSUES}, with {path}."


def _details(error: BaseException, arguments: Sequence[str]) -> str:
    trace = "".join(traceback.format_exception(error))
    lines = [
        f"arguments: {' '.join(map(repr, arguments))}",
        f"python: {sys.version}",
        f"system: {platform.platform()}",
        *(f"{name}: {_version(name)}" for name in _PACKAGES),
        *trace.splitlines(),
    ]
    return hide_passwords("\n".join(map(printable, lines))) + "\n"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
