"""Compilation of a fused ONNX file to an engine file. Needs TensorRT and no PyTorch; fp16 needs the onnx package."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from whyframe.errors import BackendError, OutputError
from whyframe.files import atomic_write, json_text
from whyframe.manifest import Manifest
from whyframe.modelfile import read_model
from whyframe.progress import progress_bar
from whyframe.tensorrt.api import ComputeCapability, TensorRT, dotted, load_tensorrt
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.cache import cache_folder
from whyframe.tensorrt.compile import compile_model
from whyframe.tensorrt.device import compute_capability
from whyframe.tensorrt.enginefile import Batch, EngineFile
from whyframe.tensorrt.layer_report import engine_report, report_text


def compile_engine(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    precision: str | None = None,
    compute_capabilities: Sequence[ComputeCapability] = (),
    batch: int | Batch | None = None,
    workspace: int | None = None,
    plugin: bool = False,
    report: str | os.PathLike[str] | None = None,
    flavour: str | None = None,
    progress: bool = False,
) -> EngineFile:
    """Compile a fused ONNX file to an engine for NVIDIA GPUs, and write the engine file.

    Args:
        model: The ``.onnx`` file that `export` wrote.
        output: The ``.engine`` file to write. Where compiling fails, an older file of this name is kept.
        precision: ``"fp16"`` converts a float32 model first; None keeps the model's precision.
        compute_capabilities: GPUs to compile for, such as ``((8, 6), (8, 9))``. Without any, the GPU of this machine;
            on a machine without a GPU, TensorRT-RTX compiles for its portable set.
        batch: Frames per call: one number, or the smallest, the best and the largest number. None for 1, or for
            the model's batch size where that is fixed.
        workspace: Largest device memory that a layer may use while it computes, in bytes; None for no limit.
        plugin: Run the distribution controller with whyframe's own CUDA kernel.
        report: File for the table of layers and the sizes of the engines: JSON where the name ends in ``.json``,
            else text. None for no report.
        flavour: ``"tensorrt"`` or ``"tensorrt_rtx"``. None for the value of the environment variable
            ``WHYFRAME_TENSORRT``, else for the first of the two that is installed.
        progress: Show a progress bar on stderr.

    Returns:
        The engine file's content.

    Raises:
        ModelError: The file is missing, damaged, or not a model of whyframe.
        BackendError: TensorRT is missing, or cannot compile this model with these options.
        PrecisionError: float16 cannot represent the graph.
        OutputError: A file cannot be written.
    """
    output, report = Path(output), None if report is None else Path(report)
    _check_folder(output)
    _check_folder(report)
    trt = load_tensorrt(flavour)
    data = read_model(model)
    manifest = Manifest.of_model(data, str(model))
    options = BuildOptions(
        batch=(batch, batch, batch) if isinstance(batch, int) else batch,
        compute_capabilities=_targets(tuple(compute_capabilities), trt),
        workspace=workspace,
        plugin=plugin,
        timing_cache=cache_folder() / f"{trt.name}-{trt.version}.timing",
    )
    with progress_bar("compile", 3, hidden=not progress) as bar:
        bar.advance("preparing the graph", steps=0)
        data, manifest = _in_precision(data, manifest, precision)
        bar.advance(f"building with {trt} for {_describe(options.compute_capabilities)}")
        engine = compile_model(data, manifest, options, trt)
        bar.advance("writing")
        if report is not None:
            _write_report(report, engine_report(data, engine, trt, compute_capability()))
        engine.write(output)
    return engine


def _check_folder(path: Path | None) -> None:
    """Check that the folder of a file exists, before the build, which takes minutes."""
    if path is not None and not path.parent.is_dir():
        raise OutputError(
            f"{path.parent} is not a folder, so {path.name} cannot be written; create it first."
        )


def _in_precision(data: bytes, manifest: Manifest, precision: str | None) -> tuple[bytes, Manifest]:
    """Return the graph in the given precision, and its manifest, which keeps the digest of the original file."""
    if precision in (None, manifest.precision):
        return data, manifest
    if precision == "fp32":
        raise BackendError("the model is in fp16 already; leave the precision out, or give the fp32 file.")
    import onnx

    from whyframe_export.precision import to_fp16

    half = to_fp16(onnx.load_from_string(data))
    return half.SerializeToString(), dataclasses.replace(manifest, precision="fp16")


def _targets(named: tuple[ComputeCapability, ...], trt: TensorRT) -> tuple[ComputeCapability, ...]:
    """Return the GPUs to compile for: those named, else the GPU of this machine, else none."""
    here = compute_capability()
    targets = named or (() if here is None else (here,))
    if not trt.targets and targets != (here,):
        raise BackendError(
            f"{trt} compiles only for the GPU of this machine ({dotted(here) if here else 'there is none'}); run "
            "it without --compute-capability on a machine with the GPU you want, or use --flavour tensorrt_rtx."
        )
    return targets


def _describe(targets: tuple[ComputeCapability, ...]) -> str:
    named = ", ".join(map(dotted, targets))
    return f"compute capability {named}" if named else "TensorRT-RTX's portable set of GPUs"


def _write_report(path: Path, facts: dict[str, Any]) -> None:
    text = json_text(facts, indent=1) + "\n" if path.suffix == ".json" else report_text(facts)
    atomic_write(path, text.encode())
