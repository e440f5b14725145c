"""Import of TensorRT (full or RTX), and the differences between the two flavours."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import Any, NamedTuple

from whyframe.errors import BackendError, one_line

__all__ = ["FLAVOURS", "USED", "ComputeCapability", "TensorRT", "dotted", "load_tensorrt"]

ComputeCapability = tuple[int, int]
"""Major and minor version, such as (8, 6)."""


class _Flavour(NamedTuple):
    title: str
    oldest: tuple[int, int]
    extra: str


FLAVOURS = {
    "tensorrt": _Flavour("TensorRT", (10, 6), "tensorrt"),
    "tensorrt_rtx": _Flavour("TensorRT-RTX", (1, 2), "tensorrt-rtx"),
}
"""The flavours of TensorRT by module name, the preferred flavour first."""

_BOTH = tuple(FLAVOURS)
_RTX = ("tensorrt_rtx",)
_FULL = ("tensorrt",)

USED = {
    "Builder.build_serialized_network": _BOTH,
    "Builder.create_builder_config": _BOTH,
    "Builder.create_network": _BOTH,
    "Builder.create_optimization_profile": _BOTH,
    "Builder.get_plugin_registry": _BOTH,
    "BuilderFlag.REQUIRE_USER_ALLOCATION": _RTX,
    "BuilderFlag.TF32": _BOTH,
    "ComputeCapability": _RTX,
    "DataType.FLOAT": _BOTH,
    "DataType.HALF": _BOTH,
    "DynamicShapesKernelSpecializationStrategy.EAGER": _RTX,
    "EngineInspector.get_engine_information": _BOTH,
    "ExecutionContextAllocationStrategy.USER_MANAGED": _BOTH,
    "IBuilderConfig.add_optimization_profile": _BOTH,
    "IBuilderConfig.clear_flag": _BOTH,
    "IBuilderConfig.create_timing_cache": _FULL,
    "IBuilderConfig.get_timing_cache": _FULL,
    "IBuilderConfig.num_compute_capabilities": _RTX,
    "IBuilderConfig.set_compute_capability": _RTX,
    "IBuilderConfig.set_flag": _BOTH,
    "IBuilderConfig.set_memory_pool_limit": _BOTH,
    "IBuilderConfig.set_timing_cache": _FULL,
    "ICudaEngine.create_engine_inspector": _BOTH,
    "ICudaEngine.create_execution_context": _BOTH,
    "ICudaEngine.create_runtime_config": _BOTH,
    "ICudaEngine.device_memory_size_v2": _BOTH,
    "ICudaEngine.get_tensor_mode": _BOTH,
    "ICudaEngine.get_tensor_name": _BOTH,
    "ICudaEngine.get_tensor_profile_shape": _BOTH,
    "ICudaEngine.get_tensor_shape": _BOTH,
    "ICudaEngine.num_io_tensors": _BOTH,
    "IExecutionContext.execute_async_v3": _BOTH,
    "IExecutionContext.is_stream_capturable": _RTX,
    "IExecutionContext.set_device_memory": _BOTH,
    "IExecutionContext.set_input_shape": _BOTH,
    "IExecutionContext.set_tensor_address": _BOTH,
    "ILogger.Severity": _BOTH,
    "INetworkDefinition.get_input": _BOTH,
    "INetworkDefinition.get_layer": _BOTH,
    "INetworkDefinition.num_inputs": _BOTH,
    "INetworkDefinition.num_layers": _BOTH,
    "IOptimizationProfile.set_shape": _BOTH,
    "IPluginCreatorV3One.create_plugin": _BOTH,
    "IPluginRegistry.register_creator": _BOTH,
    "IPluginV3.get_capability_interface": _BOTH,
    "IPluginV3OneBuild.supports_format_combination": _BOTH,
    "IPluginV3OneCore.plugin_namespace": _BOTH,
    "IPluginV3OneRuntime.enqueue": _BOTH,
    "IRuntimeCache.deserialize": _RTX,
    "IRuntimeCache.serialize": _RTX,
    "IRuntimeConfig.create_runtime_cache": _RTX,
    "IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy": _RTX,
    "IRuntimeConfig.set_execution_context_allocation_strategy": _BOTH,
    "IRuntimeConfig.set_runtime_cache": _RTX,
    "LayerInformationFormat.JSON": _BOTH,
    "MemoryPoolType.WORKSPACE": _BOTH,
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED": _BOTH,
    "OnnxParser.get_error": _BOTH,
    "OnnxParser.num_errors": _BOTH,
    "OnnxParser.parse": _BOTH,
    "ParserError.desc": _BOTH,
    "ParserError.node_name": _BOTH,
    "ParserError.node_operator": _BOTH,
    "PluginField": _BOTH,
    "PluginFieldCollection": _BOTH,
    "PluginFieldType.CHAR": _BOTH,
    "PluginFieldType.FLOAT32": _BOTH,
    "Runtime.deserialize_cuda_engine": _BOTH,
    "Runtime.get_plugin_registry": _BOTH,
    "TensorFormat.LINEAR": _BOTH,
    "TensorIOMode.INPUT": _BOTH,
}
"""Names of NVIDIA's modules that whyframe uses, each with the flavours that must offer it."""


@dataclass(frozen=True)
class TensorRT:
    """A loaded TensorRT.

    Attributes:
        module: NVIDIA's Python module.
        name: Name of the module, ``"tensorrt"`` or ``"tensorrt_rtx"``.
        version: Version of the module. It loads no engine of another version.
    """

    module: Any
    name: str
    version: str

    def __str__(self) -> str:
        return f"{FLAVOURS[self.name].title} {self.version}"

    @cached_property
    def targets(self) -> tuple[ComputeCapability, ...]:
        """Compute capabilities that it compiles for without such a GPU, ascending; empty if it needs the GPU."""
        if not hasattr(self.module, "ComputeCapability"):
            return ()
        found = (re.fullmatch(r"SM(\d+)(\d)", name) for name in dir(self.module.ComputeCapability))
        return tuple(sorted((int(match[1]), int(match[2])) for match in found if match))

    @cached_property
    def user_managed(self) -> bool:
        """Whether the caller allocates the memory of execution contexts, which captured CUDA graphs require."""
        return hasattr(self.module.BuilderFlag, "REQUIRE_USER_ALLOCATION")

    @property
    def timing_cache(self) -> bool:
        """Whether the builder times kernels on this GPU. A builder that compiles for other GPUs does not."""
        return not self.targets

    def logger(self) -> Any:
        """Return the logger of all builders and runtimes, after clearing its messages.

        A process has a single logger, because TensorRT keeps the first logger it is given until the process ends.
        """
        logger = _logger(self.module)
        logger.messages.clear()
        return logger

    def messages(self, logger: Any) -> str:
        """Return TensorRT's own errors since `logger` was called, in one line; if there are none, its warnings."""
        severity = self.module.ILogger.Severity
        errors = [
            text for level, text in logger.messages if level in (severity.ERROR, severity.INTERNAL_ERROR)
        ]
        return one_line("; ".join(errors or [text for _, text in logger.messages]), 1000)


def load_tensorrt(flavour: str | None = None) -> TensorRT:
    """Import TensorRT.

    Args:
        flavour: ``"tensorrt"`` or ``"tensorrt_rtx"``. None reads the environment variable ``WHYFRAME_TENSORRT``;
            if it is not set either, full TensorRT is tried first and TensorRT-RTX second.

    Raises:
        BackendError: The flavour is unknown, or neither the given flavour nor any other can be loaded.
    """
    asked = flavour or os.environ.get("WHYFRAME_TENSORRT")
    if asked not in (None, "", *FLAVOURS):
        raise BackendError(f"there is no TensorRT flavour {asked!r}; choose one of {', '.join(FLAVOURS)}.")
    tried = [asked] if asked else list(FLAVOURS)
    reasons = []
    for name in tried:
        loaded = _try_to_load(name)
        if isinstance(loaded, TensorRT):
            return loaded
        reasons.append(f"{name}: {loaded}")
    extra = FLAVOURS[tried[-1]].extra
    raise BackendError(f"no TensorRT can be used ({'; '.join(reasons)}); pip install 'whyframe[{extra}]'.")


def dotted(capability: ComputeCapability) -> str:
    """Return a compute capability in its usual notation, such as ``"8.6"``."""
    return ".".join(map(str, capability))


def _try_to_load(name: str) -> TensorRT | str:
    """Return the TensorRT of a module name, or the reason why it cannot be used."""
    try:
        module = import_module(name)
        version = str(module.__version__)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return one_line(error)
    oldest = FLAVOURS[name].oldest
    if tuple(map(int, version.split(".")[:2])) < oldest:
        return f"version {version} is older than {dotted(oldest)}"
    if name == "tensorrt_rtx":
        from whyframe.tensorrt.soname import provide_unversioned_name

        provide_unversioned_name()
    return TensorRT(module, name, version)


@cache
def _logger(module: Any) -> Any:
    """Return a logger, derived from the module's base class, that keeps warnings and errors."""

    class Logger(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.messages: list[tuple[Any, str]] = []

        def log(self, severity: Any, text: str) -> None:
            if severity not in (module.ILogger.Severity.INFO, module.ILogger.Severity.VERBOSE):
                self.messages.append((severity, text))

    return Logger()
