"""The kernels under test: their host twins, compiled once in a session, and with `-m gpu` the library on the device.

Both are used through the same methods `put`, `run` and `numpy`, so each test runs on both.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whyframe.native.kernels import Kernels, kernels_exist, load_kernels

SOURCES = Path(__file__).parents[2] / "kernels"
COMPILERS = ("c++", "g++", "clang++")
FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
GUARD = 64  # bytes on each side of a buffer that no kernel may write
FILL = 0xA5


def compile_host_twins(folder: Path) -> Path:
    """Compile libwhyframe_host.so into a folder, or skip the test without a C++ compiler."""
    compiler = next((path for path in map(shutil.which, COMPILERS) if path), None)
    if compiler is None:
        pytest.skip(f"no C++ compiler ({', '.join(COMPILERS)}) to build the kernels' host twins")
    library = folder / "libwhyframe_host.so"
    source = SOURCES / "src" / "host.cpp"
    command = [compiler, *FLAGS, f"-I{SOURCES / 'include'}", str(source), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return library


class Buffer:
    """An array in memory that a kernel can use, between two guards."""

    def __init__(self, array: np.ndarray, offset: int) -> None:
        self.shape, self.dtype, self.nbytes = array.shape, array.dtype, array.nbytes
        self.start = GUARD + offset * array.itemsize
        self.bytes = np.full(self.start + array.nbytes + GUARD, FILL, np.uint8)
        self.bytes[self.start : self.start + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)

    @property
    def pointer(self) -> int:
        return self.bytes.ctypes.data + self.start

    def numpy(self) -> np.ndarray:
        """Return the contents, and check that the guards are unchanged."""
        memory = self.memory()
        end = self.start + self.nbytes
        assert (memory[: self.start] == FILL).all(), "the kernel wrote before the buffer"
        assert (memory[end:] == FILL).all(), "the kernel wrote after the buffer"
        return memory[self.start : end].copy().view(self.dtype).reshape(self.shape)

    def memory(self) -> np.ndarray:
        return self.bytes


class DeviceBuffer(Buffer):
    def __init__(self, array: np.ndarray, offset: int) -> None:
        import torch

        super().__init__(array, offset)
        self.tensor = torch.from_numpy(self.bytes).cuda()

    @property
    def pointer(self) -> int:
        return self.tensor.data_ptr() + self.start

    def memory(self) -> np.ndarray:
        return self.tensor.cpu().numpy()


class Machine:
    """A place where kernels run: the host or a GPU."""

    def __init__(self, kernels: Kernels, buffer: type[Buffer], stream: int) -> None:
        self.kernels, self.buffer, self.stream = kernels, buffer, stream

    def put(self, array: Any, offset: int = 0) -> Buffer:
        """Copy an array to a buffer that starts ``offset`` elements after an aligned address."""
        return self.buffer(np.ascontiguousarray(array), offset)

    def empty(self, *shape: int, dtype: Any = np.float32, offset: int = 0) -> Buffer:
        return self.put(np.full(shape, 77, dtype), offset)

    def run(self, name: str, *arguments: Any) -> None:
        values = (value.pointer if isinstance(value, Buffer) else value for value in arguments)
        getattr(self.kernels, name)(*values, self.stream)


def host_machine(twins: Kernels) -> Machine:
    return Machine(twins, Buffer, 0)


def device_machine() -> Machine:
    """Return the GPU. A test that uses it is marked `gpu`."""
    import torch

    assert kernels_exist(), "build the kernels first, and set WHYFRAME_KERNELS_LIBRARY"
    return Machine(load_kernels(), DeviceBuffer, torch.cuda.current_stream().cuda_stream)
