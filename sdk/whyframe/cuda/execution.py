"""Execution of TensorRT engines on a stream. Every return value of TensorRT is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whyframe.errors import BackendError
from whyframe.tensorrt.jit import RuntimeSettings
from whyframe.tensorrt.plugin import register

if TYPE_CHECKING:
    from whyframe.cuda.driver import Driver, Stream
    from whyframe.tensorrt.api import TensorRT

__all__ = ["Execution", "Plan"]

_FIX = "make a new engine, or use backend='onnxruntime'."


class Plan:
    """A deserialised engine, which several executions may share.

    Args:
        trt: TensorRT that built the engine.
        plan: The serialised engine.
        what: Noun phrase for messages that says what the engine computes.
        plugin: Whether the engine needs the project's plugin.

    Attributes:
        engine: TensorRT's engine object.
        settings: Settings of TensorRT-RTX's contexts; None for full TensorRT.

    Raises:
        BackendError: TensorRT cannot load the engine; with its own message.
    """

    def __init__(self, trt: TensorRT, plan: bytes, what: str, *, plugin: bool = False) -> None:
        self.trt, self.what = trt, what
        self._logger = trt.logger()
        self._runtime = trt.module.Runtime(self._logger)
        if plugin:
            register(self._runtime.get_plugin_registry(), trt)
        self.engine = self._runtime.deserialize_cuda_engine(plan)
        if self.engine is None:
            reason = trt.messages(self._logger) or "no reason given"
            raise BackendError(
                f"{trt.name} {trt.version} cannot load the engine of the {what} ({reason}); compile it again."
            )

        self.settings = RuntimeSettings(trt, self.engine, plan) if trt.user_managed else None

    def keep_kernels(self) -> None:
        """Write the kernels that TensorRT-RTX compiled for this GPU to the cache. Call it after an execution."""
        if self.settings is not None:
            self.settings.keep()

    def batches(self) -> tuple[int, int]:
        """Return the smallest and the largest batch of ``frames``."""
        fixed = int(self.engine.get_tensor_shape("frames")[0])
        if fixed > 0:
            return fixed, fixed
        low, _, high = self.engine.get_tensor_profile_shape("frames", 0)
        return int(low[0]), int(high[0])

    @property
    def dynamic(self) -> bool:
        """Whether an execution must set its batch, even if only a single batch is allowed."""
        return int(self.engine.get_tensor_shape("frames")[0]) < 0

    def inputs(self) -> list[str]:
        """Return the names of the inputs."""
        return [name for name in self._names() if self._is_input(name)]

    def outputs(self) -> list[str]:
        """Return the names of the outputs."""
        return [name for name in self._names() if not self._is_input(name)]

    def _names(self) -> list[str]:
        return [self.engine.get_tensor_name(index) for index in range(self.engine.num_io_tensors)]

    def _is_input(self, name: str) -> bool:
        return self.engine.get_tensor_mode(name) == self.trt.module.TensorIOMode.INPUT


class Execution:
    """An execution context of an engine, for one thread.

    Args:
        plan: The engine.
        driver: The device, which allocates the context's memory if TensorRT does not.

    Attributes:
        inputs: Names of the engine's inputs. The classifier's engine may have no input ``target``.

    Raises:
        BackendError: The GPU has not enough free memory.
    """

    def __init__(self, plan: Plan, driver: Driver) -> None:
        self._plan, self.inputs = plan, plan.inputs()
        self._memory: Any = None
        self._context = self._new_context(driver)
        if self._context is None:
            raise BackendError(f"there is not enough GPU memory for the {plan.what}; close other engines.")

    def batch(self, count: int, shape: tuple[int, int, int]) -> None:
        """Set the batch, if the engine does not fix it.

        Args:
            count: Batch size N.
            shape: Height H, width W and number of channels C of the model's input.
        """
        if self._plan.dynamic:
            for name in self.inputs:
                self._shape(name, (count, *shape) if name == "frames" else (count,))

    def bind(self, addresses: dict[str, int]) -> None:
        """Set the device addresses of inputs and outputs, given by their names."""
        for name, address in addresses.items():
            self._check(self._context.set_tensor_address(name, address), f"take an address for {name}")

    def _shape(self, name: str, shape: tuple[int, ...]) -> None:
        self._check(self._context.set_input_shape(name, shape), f"take {shape} for {name}")

    def enqueue(self, stream: Stream) -> None:
        """Queue an execution."""
        self._check(self._context.execute_async_v3(stream.handle), "start")

    def capturable(self, stream: Stream) -> bool:
        """Return whether `enqueue` may be captured into a CUDA graph."""
        if not hasattr(self._context, "is_stream_capturable"):  # full TensorRT is always capturable
            return True
        return bool(self._context.is_stream_capturable(stream.handle))

    def _new_context(self, driver: Driver) -> Any:
        """Return a new context. For TensorRT-RTX, its memory is allocated here, at a fixed address for graphs."""
        engine, settings = self._plan.engine, self._plan.settings
        if settings is None:
            return engine.create_execution_context()
        context = engine.create_execution_context(settings.config)
        if context is not None:
            self._memory = driver.allocate(max(int(engine.device_memory_size_v2), 1))
            context.set_device_memory(self._memory.pointer, self._memory.size)
        return context

    def _check(self, done: bool, what: str) -> None:
        if not done:
            raise BackendError(f"the engine of the {self._plan.what} could not {what}; {_FIX}")
