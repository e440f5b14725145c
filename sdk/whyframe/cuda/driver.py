"""Interface to a CUDA device. `PyCudaDriver` implements it with pycuda, and the tests implement it in host memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Driver", "Event", "Graph", "Memory", "Stream"]


class Memory(Protocol):
    """A device allocation, which is freed with the object.

    Attributes:
        pointer: Device address.
        size: Size in bytes.
    """

    pointer: int
    size: int


class Stream(Protocol):
    """A queue of device work.

    Attributes:
        handle: Raw handle, the ``cudaStream_t`` as an integer.
    """

    handle: int

    def synchronize(self) -> None:
        """Wait until the queued work is complete."""

    def wait(self, event: Event) -> None:
        """Make later work in this stream wait for an event. The calling thread does not wait."""


class Event(Protocol):
    """A marker in a stream."""

    def record(self, stream: Stream) -> None:
        """Put the marker after the work that is now in the stream."""

    def synchronize(self) -> None:
        """Wait until the stream reaches the marker; return at once if it was never recorded."""

    def milliseconds_since(self, earlier: Event) -> float:
        """Return the device time since another marker. The stream must have reached both."""


class Graph(Protocol):
    """Captured work that is launched in one call."""

    def launch(self, stream: Stream) -> None:
        """Queue the captured work."""


class Driver(ABC):
    """A CUDA device with its primary context, which other libraries of the process use as well.

    The context must be current during every call: call the methods inside ``with driver.current():``. Every method
    raises a `BackendError` with CUDA's own message if a CUDA call fails.

    Attributes:
        index: Index of the device.
        name: Name of the device.
        compute_capability: Major and minor version, such as (8, 6).
    """

    index: int
    name: str
    compute_capability: tuple[int, int]

    @abstractmethod
    def current(self) -> AbstractContextManager[None]:
        """Make the device's primary context current in this thread. Calls may be nested."""

    @abstractmethod
    def allocate(self, size: int) -> Memory:
        """Allocate ``size`` bytes of device memory, at least 1."""

    @abstractmethod
    def pinned(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return an uninitialised host array in page-locked memory, which asynchronous copies need."""

    @abstractmethod
    def stream(self) -> Stream:
        """Return a new stream that does not wait for the default stream."""

    @abstractmethod
    def event(self, *, timing: bool = False) -> Event:
        """Return a new event, which measures time only if ``timing`` is True."""

    @abstractmethod
    def upload(self, destination: int, source: NDArray[Any], stream: Stream) -> None:
        """Queue a copy of a contiguous host array to a device address."""

    @abstractmethod
    def download(self, destination: NDArray[Any], source: int, stream: Stream) -> None:
        """Queue a copy from a device address into a contiguous host array."""

    @abstractmethod
    def copy(self, destination: int, source: int, size: int, stream: Stream) -> None:
        """Queue a copy of ``size`` bytes on the device."""

    @abstractmethod
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
        """Queue a copy of ``rows`` rows of ``width`` bytes on the device; pitches are in bytes."""

    @abstractmethod
    def wait_for_stream(self, stream: Stream, handle: int) -> None:
        """Make a stream wait for the work that is now in another library's stream, given by its raw handle."""

    @abstractmethod
    def capture(self, stream: Stream, enqueue: Callable[[], None]) -> Graph:
        """Capture the work that ``enqueue`` puts into a stream, instead of executing it.

        The stream can still be used after ``enqueue`` has raised an exception.
        """

    def to_device(self, array: NDArray[Any], stream: Stream) -> Memory:
        """Copy a host array to new device memory, and wait for the copy."""
        memory = self.allocate(max(array.nbytes, 1))
        if array.nbytes:
            self.upload(memory.pointer, np.ascontiguousarray(array), stream)
            stream.synchronize()
        return memory
