"""Unversioned library name of TensorRT-RTX, which its ONNX parser needs.

When a plugin is created, the parser opens the unversioned ``libtensorrt_rtx.so``. The wheel holds only
``libtensorrt_rtx.so.1``, so the process ends. The solution is an empty shared object with the unversioned name that
depends on the versioned library, which is already loaded. It needs no compiler and writes nothing into site-packages.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
import tempfile
from functools import cache
from itertools import accumulate

__all__ = ["forwarding_library", "provide_unversioned_name"]

_MACHINES = {"x86_64": 62, "aarch64": 183}  # e_machine
_EHDR, _PHDR, _DYN, _SYM = 64, 56, 16, 24  # sizes of the ELF64 structures
_PT_LOAD, _PT_DYNAMIC, _PT_GNU_STACK = 1, 2, 0x6474E551
_DT_NULL, _DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB = 0, 1, 4, 5, 6
_DT_STRSZ, _DT_SYMENT, _DT_SONAME = 10, 11, 14
_READ_WRITE = 6
_PAGE = 0x10000  # the largest page size of the machines above


@cache
def provide_unversioned_name() -> None:
    """Load a library named ``libtensorrt_rtx.so`` that forwards to the library of ``tensorrt_rtx``.

    Call it after ``import tensorrt_rtx``. It does nothing on other systems than Linux, where the parser does not look
    for the name.
    """
    if not sys.platform.startswith("linux"):
        return
    shim = forwarding_library("libtensorrt_rtx.so", "libtensorrt_rtx.so.1", platform.machine())
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(shim)
        file.flush()
        ctypes.CDLL(file.name, ctypes.RTLD_GLOBAL)


def forwarding_library(name: str, needed: str, machine: str) -> bytes:
    """Return an ELF64 shared object without code or symbols that depends on another library.

    Args:
        name: Name of the library (DT_SONAME).
        needed: Name of the library it depends on (DT_NEEDED).
        machine: Architecture as ``platform.machine()`` returns it, ``"x86_64"`` or ``"aarch64"``.

    Returns:
        Content of the file.
    """
    strings = b"\0" + name.encode() + b"\0" + needed.encode() + b"\0"
    hashes = struct.pack("<4I", 1, 1, 0, 0)  # one bucket and one symbol, the null symbol
    sizes = (_EHDR + 3 * _PHDR, 8 * _DYN, _SYM, len(hashes), len(strings))
    dynamic, symbols, hashed, texts, end = accumulate(sizes)
    entries = (
        (_DT_SONAME, 1),
        (_DT_NEEDED, len(name) + 2),
        (_DT_HASH, hashed),
        (_DT_STRTAB, texts),
        (_DT_SYMTAB, symbols),
        (_DT_STRSZ, len(strings)),
        (_DT_SYMENT, _SYM),
        (_DT_NULL, 0),
    )
    # Writable, because the loader relocates the dynamic section. Not executable, because /tmp may be mounted noexec.
    segments = _segment(_PT_LOAD, 0, end, _PAGE) + _segment(_PT_DYNAMIC, dynamic, 8 * _DYN, 8)
    segments += _segment(_PT_GNU_STACK, 0, 0, 16)
    table = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    return _header(machine) + segments + table + bytes(_SYM) + hashes + strings


def _header(machine: str) -> bytes:
    identity = b"\x7fELF" + bytes([2, 1, 1, *[0] * 9])  # 64 bits, little-endian, version 1
    shared_object = 3
    return identity + struct.pack(
        "<HHIQQQIHHHHHH", shared_object, _MACHINES[machine], 1, 0, _EHDR, 0, 0, _EHDR, _PHDR, 3, 0, 0, 0
    )


def _segment(kind: int, at: int, size: int, alignment: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, _READ_WRITE, at, at, at, size, size, alignment)
