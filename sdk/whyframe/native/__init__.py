"""The one loader of compiled code."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

from whyframe.errors import BackendError, one_line

__all__ = ["find", "load"]

BUILD = "cmake -B build -DWHYFRAME_KERNELS=ON && cmake --build build"


def find(name: str) -> Path:
    """Where a compiled library is, or would be.

    Args:
        name: What follows ``libwhyframe_``, such as ``"kernels"``.

    Returns:
        What the environment variable ``WHYFRAME_<NAME>_LIBRARY`` says, else the file beside this module.
    """
    return Path(
        os.environ.get(f"WHYFRAME_{name.upper()}_LIBRARY") or Path(__file__).parent / f"libwhyframe_{name}.so"
    )


def load(name: str) -> ctypes.CDLL:
    """Loads a compiled library, once.

    Args:
        name: As `find` takes it.

    Raises:
        BackendError: It was not built, or the system cannot load it; the message says how it is built.
    """
    return load_file(find(name), f"WHYFRAME_{name.upper()}_LIBRARY")


@cache
def load_file(path: Path, variable: str) -> ctypes.CDLL:
    """`load` for a file; ``variable`` names what points to another one."""
    way = f"install with WHYFRAME_KERNELS=1 pip install ., or build it ({BUILD}) and set {variable} to the file."
    if not path.is_file():
        raise BackendError(f"there is no compiled library {path}; {way}")
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise BackendError(f"{path} cannot be loaded ({one_line(error)}); {way}") from error
