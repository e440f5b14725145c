"""Runtime settings of TensorRT-RTX: memory of contexts, choice of kernels, and the cache of compiled kernels."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

from whyframe.errors import OutputError
from whyframe.files import atomic_write
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.cache import cache_folder

__all__ = ["RuntimeSettings"]


class RuntimeSettings:
    """Settings of an engine's execution contexts.

    TensorRT-RTX compiles the kernels of an engine for the GPU of this machine when it runs. Its runtime cache holds
    them. The cache is read from whyframe's folder of engines; TensorRT ignores a cache that does not fit this GPU,
    driver or version.

    Args:
        trt: TensorRT-RTX.
        engine: The deserialised engine.
        plan: The serialised engine, whose digest names the file of the runtime cache.

    Attributes:
        config: TensorRT's runtime configuration, from which contexts are created.
    """

    def __init__(self, trt: TensorRT, engine: Any, plan: bytes) -> None:
        module = trt.module
        self.config = engine.create_runtime_config()
        # A captured graph holds the address of the memory, so the caller allocates it once.
        strategy = module.ExecutionContextAllocationStrategy.USER_MANAGED
        self.config.set_execution_context_allocation_strategy(strategy)
        # Lazy specialisation replaces kernels later, when a captured graph already refers to them.
        eager = module.DynamicShapesKernelSpecializationStrategy.EAGER
        self.config.dynamic_shapes_kernel_specialization_strategy = eager
        self._path = cache_folder() / f"{hashlib.sha256(plan).hexdigest()}.kernels"
        self._cache = self.config.create_runtime_cache()
        self._kept = self._path.read_bytes() if self._path.is_file() else b""
        if self._kept:
            self._cache.deserialize(self._kept)
        self.config.set_runtime_cache(self._cache)

    def keep(self) -> None:
        """Write newly compiled kernels to the cache. If the file cannot be written, the next start compiles again."""
        compiled = bytes(self._cache.serialize())
        if compiled != self._kept:
            with contextlib.suppress(OSError, OutputError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(self._path, compiled)
                self._kept = compiled
