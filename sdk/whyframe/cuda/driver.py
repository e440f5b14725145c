"""What the runtime asks of a CUDA device. One implementation uses pycuda; the tests bring one of host memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Driver", "Event", "Graph", "Memory", "Stream"]


class Memory(Protocol):
    """A device allocation, freed with the object.

    Attributes:
        pointer: The device address.
        size: In bytes.
    """

    pointer: int
    size: int


class Stream(Protocol):
    """A queue of device work.

    Attributes:
        handle: The ``cudaStream_t`` as a number.
    """

    handle: int

    def synchronize(self) -> None:
        """Waits until the work queued so far is done."""

    def wait(self, event: Event) -> None:
        """Lets later work wait for an event, without waiting itself."""


class Event(Protocol):
    """A mark in a stream."""

    def record(self, stream: Stream) -> None:
        """Puts the mark behind what the stream holds."""

    def synchronize(self) -> None:
        """Waits for the mark; returns at once where none was recorded."""

    def milliseconds_since(self, earlier: Event) -> float:
        """Device time between two marks that have passed."""


class Graph(Protocol):
    """Captured work, ready to be launched as a whole."""

    def launch(self, stream: Stream) -> None:
        """Queues the captured work."""


class Driver(ABC):
    """One device, by its primary context, so that other libraries of the process share its memory.

    Every call needs the context to be current: use ``with driver.current():`` around them. Each call checks
    what CUDA returns.

    Attributes:
        index: Number of the device.
        name: The device's name.
        compute_capability: (major, minor).

    Raises:
        BackendError: By any method, with CUDA's own words.
    """

    index: int
    name: str
    compute_capability: tuple[int, int]

    @abstractmethod
    def current(self) -> AbstractContextManager[None]:
        """Makes the device's primary context current in this thread; nests."""

    @abstractmethod
    def allocate(self, size: int) -> Memory:
        """Device memory of ``size`` bytes (at least 1)."""

    @abstractmethod
    def pinned(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """A host array in page-locked memory, which copies need to be asynchronous."""

    @abstractmethod
    def stream(self) -> Stream:
        """A new stream that does not wait for the default one."""

    @abstractmethod
    def event(self, *, timing: bool = False) -> Event:
        """A new event."""

    @abstractmethod
    def upload(self, destination: int, source: NDArray[Any], stream: Stream) -> None:
        """Queues a copy of a contiguous host array to a device address."""

    @abstractmethod
    def download(self, destination: NDArray[Any], source: int, stream: Stream) -> None:
        """Queues a copy from a device address into a contiguous host array."""

    @abstractmethod
    def copy(self, destination: int, source: int, size: int, stream: Stream) -> None:
        """Queues a copy of ``size`` bytes on the device."""

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
        """Queues a copy of ``rows`` rows of ``width`` bytes on the device; pitches are in bytes."""

    @abstractmethod
    def wait_for_stream(self, stream: Stream, handle: int) -> None:
        """Lets a stream wait for what somebody else's stream (a raw handle) holds now."""

    @abstractmethod
    def capture(self, stream: Stream, enqueue: Callable[[], None]) -> Graph:
        """Captures what ``enqueue`` puts into a stream, instead of executing it.

        The stream is left usable whatever ``enqueue`` raises.
        """

    def to_device(self, array: NDArray[Any], stream: Stream) -> Memory:
        """Fresh device memory holding a host array's bytes; waits for the copy."""
        memory = self.allocate(max(array.nbytes, 1))
        if array.nbytes:
            self.upload(memory.pointer, np.ascontiguousarray(array), stream)
            stream.synchronize()
        return memory
