"""Backend of TensorRT and TensorRT-RTX, with the project's own kernels before and after the engine."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whyframe.backends.base import CLASSIFIER, OUTPUTS, Backend
from whyframe.cuda.device_pipeline import DevicePipeline
from whyframe.cuda.execution import Execution, Plan
from whyframe.cuda.refinement import DeviceRefinement
from whyframe.errors import BackendError
from whyframe.manifest import Manifest
from whyframe.modelfile import ENGINE_MAGIC

if TYPE_CHECKING:
    from whyframe.cuda.driver import Driver, Memory
    from whyframe.native.kernels import Kernels
    from whyframe.pipeline import Pipeline
    from whyframe.tensorrt.api import TensorRT
    from whyframe.tensorrt.enginefile import EngineFile

_REFINE = ("refine",)
"""Key of the third plan: the classifier, compiled for the batches of the refinement."""

_LOG = logging.getLogger("whyframe")

__all__ = ["TensorRTBackend", "open_tensorrt"]


def open_tensorrt(model: bytes, device: str, reason: str) -> TensorRTBackend:
    """Load a compiled engine, or the engine of an ONNX file.

    The engine of an ONNX file comes from the cache; where it is not there, it is compiled and stored.

    Args:
        model: Content of the file.
        device: ``"cuda:N"`` for GPU number N.
        reason: Why this backend was chosen, as a clause for people to read.

    Returns:
        The loaded backend.

    Raises:
        BackendError: TensorRT, the kernels, pycuda or the GPU is missing, or the engine was compiled for another GPU
            or by another version of TensorRT.
        ModelError: The file is damaged.
    """
    from whyframe.cuda.pycuda_driver import PyCudaDriver
    from whyframe.native.kernels import load_kernels
    from whyframe.tensorrt.api import load_tensorrt

    index = _device_index(device)
    trt, driver = load_tensorrt(), PyCudaDriver(index)
    file = _engine_file(model, trt, driver)
    return TensorRTBackend(file, trt, driver, load_kernels(), f"{reason}; {trt} on {driver.name}")


def _device_index(device: str) -> int:
    kind, _, index = device.partition(":")
    if kind != "cuda" or not index.isdigit():
        raise BackendError(f"TensorRT runs on a GPU, not on {device!r}; give 'cuda:0' for the first GPU.")
    return int(index)


def _engine_file(model: bytes, trt: TensorRT, driver: Driver) -> EngineFile:
    from whyframe.tensorrt.build import BuildOptions
    from whyframe.tensorrt.cache import cached_engine
    from whyframe.tensorrt.enginefile import EngineFile

    if model.startswith(ENGINE_MAGIC):
        file = EngineFile.read(model)
        file.check(trt, driver.compute_capability)
        return file
    manifest = Manifest.of_model(model, "the model")
    options = BuildOptions(batch=None if manifest.batch else (1, 1, 1))
    return cached_engine(model, manifest, options, trt, driver.compute_capability, _log_compilation)


def _log_compilation(path: Path) -> None:
    _LOG.info("compiling the engine; it will be stored in %s for the next time", path)


class TensorRTBackend(Backend):
    """A compiled engine that is loaded in TensorRT; see `Backend`.

    Args:
        file: The engine file, with three plans and the manifest.
        trt: The TensorRT library that compiled the plans.
        driver: Driver of the GPU.
        kernels: The project's compiled kernels.
        reason: Why this backend was chosen, as a clause for people to read.

    Raises:
        BackendError: TensorRT cannot load the plans on this machine.
    """

    name = "tensorrt"

    def __init__(
        self, file: EngineFile, trt: TensorRT, driver: Driver, kernels: Kernels, reason: str
    ) -> None:
        self.device, self.reason = f"cuda:{driver.index}", reason
        self._driver, self._kernels = driver, kernels
        with driver.current():
            self._plans: dict[tuple[str, ...], Plan] | None = {
                OUTPUTS: Plan(trt, file.explainer, "fused graph", plugin=file.plugin),
                CLASSIFIER: Plan(trt, file.classifier, "classifier"),
                _REFINE: Plan(trt, file.refine_classifier, "classifier of the refinement"),
            }
        self._executions: dict[tuple[str, ...], Execution] = {}
        self.input_shape, self.batch = file.manifest.input.shape, file.manifest.batch

    def clone(self) -> TensorRTBackend:
        """Return a backend for another thread, with the same engines and its own execution contexts."""
        twin = copy.copy(self)
        twin._executions = {}
        return twin

    def pipeline(self, manifest: Manifest) -> Pipeline:
        """See `Backend.pipeline`: frames are resized on the GPU."""
        plans, driver = self._loaded(), self._driver
        smallest, _ = plans[OUTPUTS].batches()
        with driver.current():
            explainer, classifier = (Execution(plans[part], driver) for part in (OUTPUTS, _REFINE))
            explainer.batch(smallest, self.input_shape)
            refinement = DeviceRefinement(
                driver, self._kernels, classifier, plans[_REFINE].batches(), manifest
            )
        return DevicePipeline(driver, self._kernels, explainer, smallest, refinement, manifest)

    def close(self) -> None:
        """Release the engines. Clones stay valid."""
        if self._plans is not None:
            with self._driver.current():
                for plan in self._plans.values():
                    plan.keep_kernels()
        self._plans = None
        self._executions = {}

    def _loaded(self) -> dict[tuple[str, ...], Plan]:
        if self._plans is None:
            raise BackendError("the engine is closed; create a new one.")
        return self._plans

    def _run_batches(
        self, outputs: tuple[str, ...], frames: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        """Run a plan as often as its largest batch requires; the last batch is padded to the smallest batch."""
        smallest, largest = self._loaded()[outputs].batches()
        runs = []
        for start in range(0, len(frames), largest):
            batch = max(min(largest, len(frames) - start), smallest)
            rows = np.minimum(np.arange(start, start + batch), len(frames) - 1)
            runs.append(self._run(outputs, frames[rows], targets[rows]))
        return [np.concatenate(parts)[: len(frames)] for parts in zip(*runs, strict=True)]

    def _run(
        self, outputs: tuple[str, ...], frames: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        """Run an engine on host arrays, without a CUDA graph; for benchmarks and checks, not for live frames."""
        plan, driver = self._loaded()[outputs], self._driver
        host: dict[str, NDArray[Any]] = {"frames": frames, "target": targets}
        with driver.current():
            stream = driver.stream()
            inputs = {name: driver.to_device(host[name], stream) for name in plan.inputs()}
            arrays = {name: self._empty(plan, name, len(frames)) for name in plan.outputs()}
            results: dict[str, Memory] = {name: driver.allocate(a.nbytes) for name, a in arrays.items()}
            execution = self._execution(outputs)
            execution.batch(len(frames), self.input_shape)
            execution.bind({name: memory.pointer for name, memory in {**inputs, **results}.items()})
            execution.enqueue(stream)
            for name, array in arrays.items():
                driver.download(array, results[name].pointer, stream)
            stream.synchronize()
            plan.keep_kernels()
        return [arrays[name] for name in outputs]

    def _execution(self, outputs: tuple[str, ...]) -> Execution:
        if outputs not in self._executions:
            self._executions[outputs] = Execution(self._loaded()[outputs], self._driver)
        return self._executions[outputs]

    @staticmethod
    def _empty(plan: Plan, name: str, frames: int) -> NDArray[Any]:
        shape = tuple(plan.engine.get_tensor_shape(name))
        dtype = np.int64 if name == "class_id" else np.float32
        return np.empty((frames, *shape[1:]), dtype)
