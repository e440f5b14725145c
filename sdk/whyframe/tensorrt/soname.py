"""The name under which TensorRT-RTX's ONNX parser looks for its own library.

As soon as a plugin is created the parser opens the unversioned ``libtensorrt_rtx.so``; the wheel ships only
``libtensorrt_rtx.so.1``, and the process dies. An empty shared object whose own name is the one looked for,
and which depends on the library that is loaded already, answers that lookup: nothing is written into
site-packages and no compiler is needed.
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
_PAGE = 0x10000  # the largest page of the machines above


@cache
def provide_unversioned_name() -> None:
    """Answers later lookups of ``libtensorrt_rtx.so`` with the library that ``tensorrt_rtx`` loaded.

    To be called after ``import tensorrt_rtx``. Elsewhere than on Linux the name is not looked up.
    """
    if not sys.platform.startswith("linux"):
        return
    shim = forwarding_library("libtensorrt_rtx.so", "libtensorrt_rtx.so.1", platform.machine())
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(shim)
        file.flush()
        ctypes.CDLL(file.name, ctypes.RTLD_GLOBAL)


def forwarding_library(name: str, needed: str, machine: str) -> bytes:
    """An ELF64 shared object without code or symbols.

    Args:
        name: its DT_SONAME.
        needed: its DT_NEEDED.
        machine: ``"x86_64"`` or ``"aarch64"``, as ``platform.machine()`` says it.

    Returns:
        The file's content.
    """
    strings = b"\0" + name.encode() + b"\0" + needed.encode() + b"\0"
    hashes = struct.pack("<4I", 1, 1, 0, 0)  # one bucket, one symbol: the null one
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
    # Read and write, never execute: the loader relocates the dynamic section, and /tmp may be mounted noexec.
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
