"""Loader of compiled libraries, and the interfaces to them."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

from whyframe.errors import BackendError, one_line

__all__ = ["library_path", "load_library", "load_library_file"]

BUILD = "cmake -B build -DWHYFRAME_KERNELS=ON && cmake --build build"


def library_path(name: str) -> Path:
    """Return the path of a compiled library, which may not exist.

    Args:
        name: Name of the library after ``libwhyframe_``, such as ``"kernels"``.

    Returns:
        Value of the environment variable ``WHYFRAME_<NAME>_LIBRARY``; if it is not set, the file beside this module.
    """
    return Path(
        os.environ.get(f"WHYFRAME_{name.upper()}_LIBRARY") or Path(__file__).parent / f"libwhyframe_{name}.so"
    )


def load_library(name: str) -> ctypes.CDLL:
    """Load a compiled library, once in a process.

    Args:
        name: Name of the library after ``libwhyframe_``.

    Raises:
        BackendError: The library was not built, or it cannot be loaded; the message says how to build it.
    """
    return load_library_file(library_path(name), f"WHYFRAME_{name.upper()}_LIBRARY")


@cache
def load_library_file(path: Path, variable: str) -> ctypes.CDLL:
    """Load a compiled library from a file, once in a process.

    Args:
        path: File of the library.
        variable: Name of the setting that holds the path, for messages.

    Raises:
        BackendError: The file does not exist, or it cannot be loaded; the message says how to build it.
    """
    fix = f"install with WHYFRAME_KERNELS=1 pip install ., or build it ({BUILD}) and set {variable} to the file."
    if not path.is_file():
        raise BackendError(f"there is no compiled library {path}; {fix}")
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise BackendError(f"{path} cannot be loaded ({one_line(error)}); {fix}") from error
