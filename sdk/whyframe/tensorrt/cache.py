"""Engines made on the way, kept so that they are made once."""

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
    """Where engines are kept: ``$WHYFRAME_CACHE``, or ``whyframe/engines`` in the user's cache folder."""
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
    """The engine of a model for one GPU, from the cache or made now.

    Processes that make the same engine at once do not disturb each other: each file appears whole.

    Args:
        model: content of the fused ONNX file.
        manifest: its manifest, checked against the file.
        options: how to build; the compute capabilities are replaced by the device's.
        trt: what builds and runs it.
        device: the GPU's compute capability.
        on_build: called with the engine's path before an engine is made, which takes seconds to minutes.

    Raises:
        BackendError: the engine cannot be built.
    """
    options = dataclasses.replace(options, compute_capabilities=(device,))
    path = cache_folder() / f"{_key(manifest, options, trt)}.engine"
    try:
        engine = EngineFile.read(path)
        engine.check(trt, device, manifest.digest)
    except (ModelError, BackendError):  # missing, damaged, or of another schema
        on_build(path)
        engine = compile_model(model, manifest, options, trt)
        _keep(engine, path)
    return engine


def _key(manifest: Manifest, options: BuildOptions, trt: TensorRT) -> str:
    """SHA-256 over all that the engine depends on."""
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
    """Writes the engine; where that cannot be, it serves this once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        engine.write(path)
    except (OSError, OutputError) as error:
        warnings.warn(
            f"the engine is made anew at each start, as it cannot be kept ({error}); set WHYFRAME_CACHE to a folder "
            "that can be written to.",
            stacklevel=3,
        )
