import ctypes
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from whyframe.tensorrt.soname import forwarding_library

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ELF is the format of Linux")


@linux
def test_a_library_is_found_by_another_name(tmp_path: Path) -> None:
    """After the empty library is loaded, its name opens the library that it depends on."""
    shim = tmp_path / "shim.so"
    shim.write_bytes(forwarding_library("libnowhere_to_be_found.so", "libm.so.6", platform.machine()))
    code = (
        "import ctypes, sys\n"
        "try: ctypes.CDLL('libnowhere_to_be_found.so'); raise SystemExit('found too early')\n"
        "except OSError: pass\n"
        f"ctypes.CDLL({str(shim)!r}, ctypes.RTLD_GLOBAL)\n"
        "cos = ctypes.CDLL('libnowhere_to_be_found.so').cos\n"
        "cos.restype, cos.argtypes = ctypes.c_double, [ctypes.c_double]\n"
        "assert cos(0) == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@linux
def test_the_library_it_depends_on_must_exist(tmp_path: Path) -> None:
    shim = tmp_path / "shim.so"
    shim.write_bytes(forwarding_library("liba.so", "libnot_there_either.so", platform.machine()))
    with pytest.raises(OSError, match=r"libnot_there_either\.so"):
        ctypes.CDLL(str(shim))


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_the_header_is_an_elf_header_of_the_machine(machine: str, number: int) -> None:
    shim = forwarding_library("a", "b", machine)
    assert shim[:4] == b"\x7fELF"
    assert struct.unpack_from("<HH", shim, 16) == (3, number)
    assert len(shim) < 512


def test_no_segment_is_executable() -> None:
    """An executable segment or stack could not be loaded from a folder that is mounted noexec."""
    shim = forwarding_library("a", "b", "x86_64")
    kinds = [struct.unpack_from("<II", shim, 64 + 56 * index) for index in range(3)]
    assert [kind for kind, _ in kinds] == [1, 2, 0x6474E551]
    assert not any(flags & 1 for _, flags in kinds)
