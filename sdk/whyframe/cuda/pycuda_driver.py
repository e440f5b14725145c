"""Implementation of the driver with pycuda. It uses the primary context, so PyTorch can run in the same process."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.cuda.capture import CapturedGraph, capture_stream, wait_for_stream
from whyframe.cuda.driver import Driver, Event, Graph, Memory, Stream
from whyframe.errors import BackendError, one_line

__all__ = ["PyCudaDriver"]

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING
_NO_TIMING = 2  # CU_EVENT_DISABLE_TIMING


class PyCudaDriver(Driver):
    """A CUDA device through pycuda; see `Driver`.

    Args:
        index: Index of the device.

    Raises:
        BackendError: The package pycuda or NVIDIA's driver is missing, or there is no device of this index.
    """

    def __init__(self, index: int = 0) -> None:
        self._cuda = _load_pycuda()
        count = self._cuda.Device.count()
        if not 0 <= index < count:
            raise BackendError(
                f"there is no cuda:{index}: this machine has {count} CUDA device(s), counted from 0."
            )
        device = self._cuda.Device(index)
        self.index, self.name = index, device.name()
        self.compute_capability = device.compute_capability()
        self._context = _primary_context(self._cuda, index)
        self._depth = threading.local()

    @contextmanager
    def current(self) -> Iterator[None]:
        """See `Driver.current`. In nested calls, only the outermost call of a thread pushes the context."""
        depth = getattr(self._depth, "value", 0)
        if depth == 0:
            self._context.push()
        self._depth.value = depth + 1
        try:
            with _as_backend_error(self._cuda):
                yield
        finally:
            self._depth.value = depth
            if depth == 0:
                self._cuda.Context.pop()

    def allocate(self, size: int) -> Memory:
        """See `Driver.allocate`."""
        return _Memory(self, self._cuda.mem_alloc(max(size, 1)), size)

    def pinned(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """See `Driver.pinned`."""
        return np.asarray(_Pinned(self, self._cuda.pagelocked_empty(shape, dtype)))

    def stream(self) -> Stream:
        """See `Driver.stream`."""
        return _Stream(self, self._cuda.Stream(_NON_BLOCKING))

    def event(self, *, timing: bool = False) -> Event:
        """See `Driver.event`."""
        return _Event(self, self._cuda.Event(0 if timing else _NO_TIMING))

    def upload(self, destination: int, source: NDArray[Any], stream: Stream) -> None:
        """See `Driver.upload`."""
        self._cuda.memcpy_htod_async(destination, source, _native(stream))

    def download(self, destination: NDArray[Any], source: int, stream: Stream) -> None:
        """See `Driver.download`."""
        self._cuda.memcpy_dtoh_async(destination, source, _native(stream))

    def copy(self, destination: int, source: int, size: int, stream: Stream) -> None:
        """See `Driver.copy`."""
        self._cuda.memcpy_dtod_async(destination, source, size, _native(stream))

    def copy_rows(
        self,
        destination: int,
        destination_pitch: int,
        source: int,
        source_pitch: int,
        width: int,
        rows: int,
        stream: Stream,
    ) -> None:
        """See `Driver.copy_rows`."""
        copy = self._cuda.Memcpy2D()
        copy.set_src_device(source)
        copy.set_dst_device(destination)
        copy.src_pitch, copy.dst_pitch = source_pitch, destination_pitch
        copy.width_in_bytes, copy.height = width, rows
        copy(_native(stream))

    def wait_for_stream(self, stream: Stream, handle: int) -> None:
        """See `Driver.wait_for_stream`."""
        wait_for_stream(stream.handle, handle)

    def capture(self, stream: Stream, enqueue: Callable[[], None]) -> Graph:
        """See `Driver.capture`."""
        return _Graph(capture_stream(stream.handle, enqueue))


class _Owned:
    """A pycuda object that is freed in its own context: the context is current while it is freed."""

    def __init__(self, driver: PyCudaDriver, native: Any) -> None:
        self._driver, self.native = driver, native

    def __del__(self) -> None:
        if not sys.is_finalizing():
            with self._driver.current():
                self.__dict__.pop("native", None)


class _Memory(_Owned):
    def __init__(self, driver: PyCudaDriver, allocation: Any, size: int) -> None:
        super().__init__(driver, allocation)
        self.pointer, self.size = int(allocation), size


class _Pinned(_Owned):
    """Owner of a page-locked array. NumPy's views keep it alive as their base."""

    def __init__(self, driver: PyCudaDriver, array: NDArray[Any]) -> None:
        super().__init__(driver, array)
        self.__array_interface__ = array.__array_interface__


class _Stream(_Owned):
    def __init__(self, driver: PyCudaDriver, stream: Any) -> None:
        super().__init__(driver, stream)
        self.handle = int(stream.handle)

    def synchronize(self) -> None:
        self.native.synchronize()

    def wait(self, event: Event) -> None:
        self.native.wait_for_event(event.native)  # type: ignore[attr-defined]


class _Event(_Owned):
    def record(self, stream: Stream) -> None:
        self.native.record(_native(stream))

    def synchronize(self) -> None:
        self.native.synchronize()

    def milliseconds_since(self, earlier: Event) -> float:
        return float(self.native.time_since(earlier.native))  # type: ignore[attr-defined]


class _Graph:
    def __init__(self, graph: CapturedGraph) -> None:
        self._graph = graph

    def launch(self, stream: Stream) -> None:
        self._graph.launch(stream.handle)


def _native(stream: Stream) -> Any:
    return stream.native  # type: ignore[attr-defined]


@cache
def _primary_context(cuda: Any, index: int) -> Any:
    """Return the device's primary context, which is retained until the process ends.

    The reference is never released, because pycuda's destructor would leave the context on the thread's context stack,
    and PyTorch would fail afterwards.
    """
    context = cuda.Device(index).retain_primary_context()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(context))
    return context


def _load_pycuda() -> Any:
    """Import and initialise pycuda's driver module, without `pycuda.autoinit`, which creates another context."""
    try:
        import pycuda.driver as cuda

        cuda.init()
    except ModuleNotFoundError as error:
        raise BackendError(
            "the GPU runtime needs pycuda, which is not installed; pip install 'whyframe[pycuda]'."
        ) from error
    except Exception as error:  # an ImportError without libcuda.so, or pycuda's own error without a device
        reason = one_line(error)
        raise BackendError(
            f"pycuda finds no usable GPU ({reason}); `whyframe doctor` reports what is missing."
        ) from error
    return cuda


@contextmanager
def _as_backend_error(cuda: Any) -> Iterator[None]:
    try:
        yield
    except cuda.Error as error:
        reason = one_line(error)
        raise BackendError(
            f"CUDA failed ({reason}); make a new engine, or use backend='onnxruntime'."
        ) from error
