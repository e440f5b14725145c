"""A TensorRT plan, ready to be queued: one execution context, fixed addresses, every return value checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whyframe.errors import BackendError
from whyframe.tensorrt.jit import RuntimeSettings
from whyframe.tensorrt.plugin import register

if TYPE_CHECKING:
    from whyframe.cuda.driver import Driver, Stream
    from whyframe.tensorrt.api import TensorRT

__all__ = ["Execution", "Plan"]

_RUN_AGAIN = "make a new engine, or use backend='onnxruntime'."


class Plan:
    """A deserialised engine, which several executions may share.

    Attributes:
        settings: How its contexts are made; None where TensorRT needs none.

    Args:
        trt: The TensorRT that built it.
        plan: The serialised engine.
        what: What it computes, for messages.
        plugin: Whether it holds the project's plugin.

    Raises:
        BackendError: TensorRT refuses it, in its own words.
    """

    def __init__(self, trt: TensorRT, plan: bytes, what: str, *, plugin: bool = False) -> None:
        self.trt, self.what = trt, what
        self._logger = trt.logger()
        self._runtime = trt.module.Runtime(self._logger)
        if plugin:
            register(self._runtime.get_plugin_registry(), trt)
        self.engine = self._runtime.deserialize_cuda_engine(plan)
        if self.engine is None:
            said = trt.messages(self._logger) or "no reason given"
            raise BackendError(
                f"{trt.name} {trt.version} cannot load the engine of the {what} ({said}); compile it again."
            )

        self.settings = RuntimeSettings(trt, self.engine, plan) if trt.user_managed else None

    def keep_kernels(self) -> None:
        """Keeps what was compiled for this GPU, once something has run."""
        if self.settings is not None:
            self.settings.keep()

    def batches(self) -> tuple[int, int]:
        """The smallest and the largest batch of ``frames``."""
        fixed = int(self.engine.get_tensor_shape("frames")[0])
        if fixed > 0:
            return fixed, fixed
        low, _, high = self.engine.get_tensor_profile_shape("frames", 0)
        return int(low[0]), int(high[0])

    @property
    def dynamic(self) -> bool:
        """Whether an execution must be told its batch, even where its range is one number."""
        return int(self.engine.get_tensor_shape("frames")[0]) < 0

    def inputs(self) -> list[str]:
        """Names of the inputs."""
        return [name for name in self._names() if self._is_input(name)]

    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return [name for name in self._names() if not self._is_input(name)]

    def _names(self) -> list[str]:
        return [self.engine.get_tensor_name(index) for index in range(self.engine.num_io_tensors)]

    def _is_input(self, name: str) -> bool:
        return self.engine.get_tensor_mode(name) == self.trt.module.TensorIOMode.INPUT


class Execution:
    """One execution context of a plan, for one thread.

    Attributes:
        inputs: Names of the plan's inputs: the classifier's part may read no target.

    Args:
        plan: The engine.
        driver: Gives the memory that an engine of self-managed capture needs.
    """

    def __init__(self, plan: Plan, driver: Driver) -> None:
        self._plan, self.inputs = plan, plan.inputs()
        self._memory: Any = None
        self._context = self._new_context(driver)
        if self._context is None:
            raise BackendError(f"there is not enough GPU memory for the {plan.what}; close other engines.")

    def batch(self, count: int, side: int) -> None:
        """Sets the batch, where the plan leaves it open.

        Args:
            count: N.
            side: S.
        """
        if self._plan.dynamic:
            for name in self.inputs:
                self._shape(name, (count, side, side, 3) if name == "frames" else (count,))

    def bind(self, addresses: dict[str, int]) -> None:
        """Sets the device addresses of inputs and outputs."""
        for name, address in addresses.items():
            self._check(self._context.set_tensor_address(name, address), f"take an address for {name}")

    def _shape(self, name: str, shape: tuple[int, ...]) -> None:
        self._check(self._context.set_input_shape(name, shape), f"take {shape} for {name}")

    def enqueue(self, stream: Stream) -> None:
        """Queues one execution."""
        self._check(self._context.execute_async_v3(stream.handle), "start")

    def capturable(self, stream: Stream) -> bool:
        """Whether `enqueue` may be captured into a CUDA graph."""
        if not hasattr(self._context, "is_stream_capturable"):  # full TensorRT: always
            return True
        return bool(self._context.is_stream_capturable(stream.handle))

    def _new_context(self, driver: Driver) -> Any:
        """A context; where the engine was built for it, in memory of ours, which a capture needs to stay put."""
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
            raise BackendError(f"the engine of the {self._plan.what} would not {what}; {_RUN_AGAIN}")
