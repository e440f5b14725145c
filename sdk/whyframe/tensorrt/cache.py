"""Cache of engine files, so that each engine is compiled once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

from whyframe.errors import BackendError, ModelError, OutputError
from whyframe.manifest import Manifest
from whyframe.tensorrt.api import ComputeCapability, TensorRT
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.compile import compile_model
from whyframe.tensorrt.enginefile import SCHEMA, EngineFile

__all__ = ["cache_folder", "cached_engine"]


def cache_folder() -> Path:
    """Return the folder of the cache: ``$WHYFRAME_CACHE``, or ``whyframe/engines`` in the user's cache folder."""
    if os.environ.get("WHYFRAME_CACHE"):
        return Path(os.environ["WHYFRAME_CACHE"]).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "whyframe" / "engines"


def cached_engine(
    model: bytes,
    manifest: Manifest,
    options: BuildOptions,
    trt: TensorRT,
    device: ComputeCapability,
    on_build: Callable[[Path], None] = lambda _: None,
) -> EngineFile:
    """Return the engine of a model for a GPU, from the cache or newly compiled.

    Several processes may compile the same engine at once: each file is written atomically.

    Args:
        model: Content of the fused ONNX file.
        manifest: Manifest of the model, already checked against the file.
        options: Options of the build, whose compute capabilities are replaced by ``device``.
        trt: TensorRT that builds and runs the engine.
        device: Compute capability of the GPU.
        on_build: Callback that receives the engine's path before a compilation, which takes seconds to minutes.

    Raises:
        BackendError: The engine cannot be built.
    """
    options = dataclasses.replace(options, compute_capabilities=(device,))
    path = cache_folder() / f"{_key(manifest, options, trt)}.engine"
    try:
        engine = EngineFile.read(path)
        engine.check(trt, device, manifest.digest)
    except (ModelError, BackendError):  # the file is missing, damaged, or does not fit
        on_build(path)
        engine = compile_model(model, manifest, options, trt)
        _keep(engine, path)
    return engine


def _key(manifest: Manifest, options: BuildOptions, trt: TensorRT) -> str:
    """Return the SHA-256 digest of everything that the engine depends on."""
    facts = {
        "schema": SCHEMA,
        "onnx_digest": manifest.digest,
        "precision": manifest.precision,
        "builder": trt.name,
        "builder_version": trt.version,
        **dataclasses.asdict(options),
        "timing_cache": None,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _keep(engine: EngineFile, path: Path) -> None:
    """Write the engine to the cache, or warn: an engine that cannot be written is used once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        engine.write(path)
    except (OSError, OutputError) as error:
        warnings.warn(
            f"the engine cannot be kept ({error}), so each start compiles it again; set WHYFRAME_CACHE to a folder "
            "that can be written to.",
            stacklevel=3,
        )
