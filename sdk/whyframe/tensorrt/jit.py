"""How TensorRT-RTX runs an engine here: its memory, its kernels, and what it compiled, kept for the next start."""

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
    """The settings of an engine's execution contexts.

    TensorRT-RTX compiles an engine's kernels for the GPU that it finds. The runtime cache holds them; it is read
    from whyframe's folder of engines, and TensorRT refuses one that does not fit this GPU, driver or version.

    Args:
        trt: TensorRT-RTX.
        engine: The deserialised engine.
        plan: It, serialised: names the cache.
    """

    def __init__(self, trt: TensorRT, engine: Any, plan: bytes) -> None:
        module = trt.module
        self.config = engine.create_runtime_config()
        # In memory of ours, which stays put under a captured graph.
        strategy = module.ExecutionContextAllocationStrategy.USER_MANAGED
        self.config.set_execution_context_allocation_strategy(strategy)
        # Kernels that are swapped for better ones later would not be those that a graph has captured.
        eager = module.DynamicShapesKernelSpecializationStrategy.EAGER
        self.config.dynamic_shapes_kernel_specialization_strategy = eager
        self._path = cache_folder() / f"{hashlib.sha256(plan).hexdigest()}.kernels"
        self._cache = self.config.create_runtime_cache()
        self._kept = self._path.read_bytes() if self._path.is_file() else b""
        if self._kept:
            self._cache.deserialize(self._kept)
        self.config.set_runtime_cache(self._cache)

    def keep(self) -> None:
        """Writes what was compiled since; where that cannot be, the next start compiles it again."""
        compiled = bytes(self._cache.serialize())
        if compiled != self._kept:
            with contextlib.suppress(OSError, OutputError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(self._path, compiled)
                self._kept = compiled
