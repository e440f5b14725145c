"""A fake GPU in host memory: its driver, its TensorRT and its kernels.

Device addresses are addresses of host buffers, streams execute at once, and a capture records the queued work instead
of executing it. The kernels are their host twins. The engines of this TensorRT are ONNX files, which ONNX Runtime
executes. So complete frames run through the real runtime code and give real results.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from whyframe.cuda.driver import Driver
from whyframe.errors import BackendError


class FakeMemory:
    def __init__(self, size: int) -> None:
        self._buffer = np.full(max(size, 1), 0xCD, np.uint8)  # not zeros, so that missing writes are detected
        self.pointer, self.size = self._buffer.ctypes.data, size


class FakeStream:
    def __init__(self, driver: FakeDriver, handle: int) -> None:
        self._driver, self.handle = driver, handle

    def synchronize(self) -> None:
        self._driver.check()
        if self._driver.recording is not None:
            raise BackendError("a capturing stream was synchronised")
        self._driver.log.append("synchronize")

    def wait(self, event: FakeEvent) -> None:
        self._driver.log.append("wait for event")


class FakeEvent:
    def __init__(self, driver: FakeDriver) -> None:
        self._driver = driver

    def record(self, stream: FakeStream) -> None:
        self._driver.check()

    def synchronize(self) -> None:
        self._driver.check()

    def milliseconds_since(self, earlier: FakeEvent) -> float:
        return 1.0


class FakeGraph:
    def __init__(self, driver: FakeDriver, calls: list[Callable[[], None]]) -> None:
        self._driver, self._calls = driver, calls

    def launch(self, stream: FakeStream) -> None:
        self._driver.check()
        self._driver.log.append("launch")
        for call in self._calls:
            call()


class FakeDriver(Driver):
    """A driver in host memory.

    Attributes:
        log: Waits, captures and launches so far, in order.
        recording: Calls of the capture in progress; None if there is none.
    """

    def __init__(self, compute_capability: tuple[int, int] = (8, 9)) -> None:
        self.index, self.name, self.compute_capability = 0, "a fake GPU", compute_capability
        self.log: list[str] = []
        self.recording: list[Callable[[], None]] | None = None
        self._depth = 0
        self._streams = 0

    def check(self) -> None:
        if not self._depth:
            raise BackendError("CUDA was called without a current context")

    def submit(self, call: Callable[[], None]) -> None:
        self.check()
        if self.recording is None:
            call()
        else:
            self.recording.append(call)

    @contextmanager
    def current(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def allocate(self, size: int) -> FakeMemory:
        self.check()
        if self.recording is not None:
            raise BackendError("memory was allocated during a capture")
        return FakeMemory(size)

    def pinned(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        self.check()
        return np.empty(shape, dtype)

    def stream(self) -> FakeStream:
        self.check()
        self._streams += 1
        return FakeStream(self, self._streams)

    def event(self, *, timing: bool = False) -> FakeEvent:
        return FakeEvent(self)

    def upload(self, destination: int, source: np.ndarray, stream: FakeStream) -> None:
        assert source.flags.c_contiguous
        self.submit(lambda: ctypes.memmove(destination, source.ctypes.data, source.nbytes) and None)

    def download(self, destination: np.ndarray, source: int, stream: FakeStream) -> None:
        assert destination.flags.c_contiguous
        self.submit(lambda: ctypes.memmove(destination.ctypes.data, source, destination.nbytes) and None)

    def copy(self, destination: int, source: int, size: int, stream: FakeStream) -> None:
        self.submit(lambda: ctypes.memmove(destination, source, size) and None)

    def copy_rows(
        self,
        destination: int,
        destination_pitch: int,
        source: int,
        source_pitch: int,
        width: int,
        rows: int,
        stream: FakeStream,
    ) -> None:
        def copy() -> None:
            for row in range(rows):
                ctypes.memmove(destination + row * destination_pitch, source + row * source_pitch, width)

        self.submit(copy)

    def wait_for_stream(self, stream: FakeStream, handle: int) -> None:
        self.check()
        self.log.append(f"wait for stream {handle}")

    def capture(self, stream: FakeStream, enqueue: Callable[[], None]) -> FakeGraph:
        self.check()
        self.recording = []
        self.log.append("capture")
        try:
            enqueue()
            return FakeGraph(self, self.recording)
        finally:
            self.recording = None


class FakeKernels:
    """The kernels' host twins, queued like kernels."""

    def __init__(self, twins: Any, driver: FakeDriver) -> None:
        self._twins, self._driver = twins, driver

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._twins, name)
        if not callable(value) or name.endswith("_bytes") or name == "abi_version":
            return value
        return lambda *arguments, **options: self._driver.submit(lambda: value(*arguments, **options))


class FakeTensorRT:
    """The part of `whyframe.tensorrt.api.TensorRT` that the runtime uses, with ONNX files as engines."""

    name, version, user_managed = "fake-tensorrt", "1.0", False

    def __init__(self, driver: FakeDriver, profile: tuple[int, int] = (1, 1), starts: bool = True) -> None:
        self.module = SimpleNamespace(
            Runtime=lambda logger: SimpleNamespace(deserialize_cuda_engine=self._deserialize),
            TensorIOMode=SimpleNamespace(INPUT="input", OUTPUT="output"),
        )
        self._driver, self._profile, self.starts = driver, profile, starts

    def logger(self) -> list[str]:
        return ["a message of the fake TensorRT"]

    def messages(self, logger: list[str]) -> str:
        return "; ".join(logger)

    def _deserialize(self, plan: bytes) -> FakeEngine | None:
        return None if plan == b"garbage" else FakeEngine(plan, self._driver, self._profile, self)


class FakeEngine:
    def __init__(self, plan: bytes, driver: FakeDriver, profile: tuple[int, int], trt: FakeTensorRT) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(plan, options, providers=["CPUExecutionProvider"])
        self.driver, self.profile, self.trt = driver, profile, trt
        self.inputs = [tensor.name for tensor in self.session.get_inputs()]
        self.names = [*self.inputs, *(tensor.name for tensor in self.session.get_outputs())]
        self.num_io_tensors = len(self.names)

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_mode(self, name: str) -> str:
        return "input" if name in self.inputs else "output"

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, ...]]:
        rest = self.session.get_inputs()[0].shape[1:]
        low, high = self.profile
        return [(low, *rest), (low, *rest), (high, *rest)]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        tensors = (*self.session.get_inputs(), *self.session.get_outputs())
        tensor = next(tensor for tensor in tensors if tensor.name == name)
        return tuple(-1 if isinstance(axis, str) else axis for axis in tensor.shape)

    def create_execution_context(self) -> FakeContext:
        return FakeContext(self)


class FakeContext:
    def __init__(self, engine: FakeEngine) -> None:
        self._engine, self._addresses = engine, {}
        self._batch = engine.profile[0]

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return name in self._engine.names

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._batch = shape[0]
        low, high = self._engine.profile
        return low <= shape[0] <= high

    def execute_async_v3(self, handle: int) -> bool:
        if not self._engine.trt.starts or set(self._addresses) < set(self._engine.names):
            return False
        addresses, batch = dict(self._addresses), self._batch
        self._engine.driver.submit(lambda: self._execute(addresses, batch))
        return True

    def _execute(self, addresses: dict[str, int], batch: int) -> None:
        session = self._engine.session
        inputs = {
            tensor.name: _view(addresses[tensor.name], (batch, *tensor.shape[1:]), tensor.type).copy()
            for tensor in session.get_inputs()
        }
        for tensor, value in zip(session.get_outputs(), session.run(None, inputs), strict=True):
            _view(addresses[tensor.name], value.shape, tensor.type)[...] = value


def _view(address: int, shape: tuple[int, ...], kind: str) -> np.ndarray:
    dtype = np.dtype(
        {"tensor(uint8)": np.uint8, "tensor(int64)": np.int64, "tensor(float)": np.float32}[kind]
    )
    size = int(np.prod(shape)) * dtype.itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)


class CudaArray:
    """A host array with a CUDA Array Interface, so that the runtime takes it for a device array."""

    def __init__(self, array, stream=None, strides=True, **changes):
        self.array = array
        self.__cuda_array_interface__ = {
            "data": (array.ctypes.data, False),
            "shape": array.shape,
            "typestr": array.dtype.str,
            "strides": array.strides if strides else None,
            "version": 3,
            "stream": stream,
            **changes,
        }


def nv12_of(bgr):
    """Convert a BGR frame to NV12 planes with OpenCV (BT.601, limited range)."""
    height, width = bgr.shape[:2]
    planes = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    luma, u, v = np.split(planes.reshape(-1), [height * width, height * width * 5 // 4])
    chroma = np.stack([u, v], -1).reshape(height // 2, width)
    return luma.reshape(height, width), chroma
