"""CUDA graphs and waits for other libraries' streams, called in the CUDA driver's library: pycuda offers neither."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from whyframe.errors import BackendError

__all__ = ["CapturedGraph", "capture_stream", "wait_for_stream"]

_THREAD_LOCAL = (
    1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: allocations in other threads do not invalidate a capture
)
_DISABLE_TIMING = 2  # CU_EVENT_DISABLE_TIMING

_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuGetErrorString": (ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)),
    "cuStreamBeginCapture_v2": (ctypes.c_void_p, ctypes.c_int),
    "cuStreamEndCapture": (ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)),
    "cuGraphInstantiateWithFlags": (ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p, ctypes.c_ulonglong),
    "cuGraphLaunch": (ctypes.c_void_p, ctypes.c_void_p),
    "cuGraphExecDestroy": (ctypes.c_void_p,),
    "cuGraphDestroy": (ctypes.c_void_p,),
    "cuEventCreate": (ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint),
    "cuEventRecord": (ctypes.c_void_p, ctypes.c_void_p),
    "cuEventDestroy_v2": (ctypes.c_void_p,),
    "cuStreamWaitEvent": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint),
}


def capture_stream(stream: int, enqueue: Callable[[], None]) -> CapturedGraph:
    """Capture the work that ``enqueue`` puts into a stream. An exception of ``enqueue`` ends the capture, too.

    Args:
        stream: Raw handle of the stream, which must not be the default stream.
        enqueue: Function that queues the work. It must not allocate memory or synchronise.

    Raises:
        BackendError: A CUDA call failed.
    """
    graph = ctypes.c_void_p()
    with _no_collection():
        _record(stream, graph, enqueue)
    try:
        return CapturedGraph(graph)
    finally:
        _call("cuGraphDestroy", graph)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Disable the garbage collector: if it frees device memory during a capture, the capture fails."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _record(stream: int, graph: ctypes.c_void_p, enqueue: Callable[[], None]) -> None:
    _call("cuStreamBeginCapture_v2", stream, _THREAD_LOCAL)
    try:
        enqueue()
    except BaseException:
        _library().cuStreamEndCapture(stream, ctypes.byref(graph))
        if graph:
            _library().cuGraphDestroy(graph)
        raise
    _call("cuStreamEndCapture", stream, ctypes.byref(graph))


class CapturedGraph:
    """An executable CUDA graph, which is destroyed with the object."""

    def __init__(self, graph: ctypes.c_void_p) -> None:
        self._executable = ctypes.c_void_p()
        _call("cuGraphInstantiateWithFlags", ctypes.byref(self._executable), graph, 0)

    def launch(self, stream: int) -> None:
        """Queue the graph in a stream, given by its raw handle."""
        _call("cuGraphLaunch", self._executable, stream)

    def __del__(self) -> None:
        if self._executable and not sys.is_finalizing():
            _library().cuGraphExecDestroy(self._executable)


def wait_for_stream(stream: int, other: int) -> None:
    """Make later work in ``stream`` wait for the work that is now in ``other``.

    Args:
        stream: Raw handle of the stream that waits.
        other: Raw handle of a stream of the same context.
    """
    event = ctypes.c_void_p()
    _call("cuEventCreate", ctypes.byref(event), _DISABLE_TIMING)
    try:
        _call("cuEventRecord", event, other)
        _call("cuStreamWaitEvent", stream, event, 0)
    finally:
        _call("cuEventDestroy_v2", event)  # CUDA frees the event after it has completed


def _call(name: str, *arguments: Any) -> None:
    code = getattr(_library(), name)(*arguments)
    if code:
        text = ctypes.c_char_p()
        _library().cuGetErrorString(code, ctypes.byref(text))
        reason = (text.value or b"unknown error").decode()
        raise BackendError(f"{name} failed with CUDA error {code} ({reason}); make a new engine.")


@lru_cache(maxsize=1)
def _library() -> Any:
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise BackendError(
            f"the CUDA driver's library {name} is missing; install NVIDIA's driver."
        ) from error
    for function, arguments in _SIGNATURES.items():
        getattr(library, function).argtypes = arguments
        getattr(library, function).restype = ctypes.c_int
    return library
