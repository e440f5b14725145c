"""From a fused ONNX file to an engine file. Needs no PyTorch; float16 needs the onnx package."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from whyframe.errors import BackendError
from whyframe.files import atomic_write
from whyframe.manifest import Manifest
from whyframe.modelfile import read_model
from whyframe.tensorrt.api import ComputeCapability, TensorRT, dotted
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.compile import compile_model
from whyframe.tensorrt.device import compute_capability
from whyframe.tensorrt.enginefile import EngineFile
from whyframe.tensorrt.layer_report import engine_report, report_text


def compile_file(
    model: Path,
    output: Path,
    options: BuildOptions,
    trt: TensorRT,
    precision: str | None = None,
    report: Path | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> EngineFile:
    """Compiles a fused ONNX file and writes the engine file; where that fails an earlier one stays.

    Args:
        model: the `.onnx` file.
        output: the `.engine` file.
        options: how to build. With no compute capability named, the GPU of this machine is taken.
        trt: what builds.
        precision: ``"fp32"`` or ``"fp16"``; None for that of the file.
        report: where to write the layers and sizes: JSON where the name ends so, else text.
        step: told what happens next.

    Raises:
        ModelError: the file is missing, damaged or none of whyframe's.
        BackendError: TensorRT cannot build this.
        OutputError: a file cannot be written.
    """
    data = read_model(model)
    manifest = Manifest.of_model(data, str(model))
    data, manifest = _in_precision(data, manifest, precision, step)
    options = dataclasses.replace(options, compute_capabilities=_targets(options, trt))
    step(f"building with {trt} for {_gpus(options)}")
    engine = compile_model(data, manifest, options, trt)
    if report is not None:
        step(f"writing {report}")
        facts = engine_report(data, engine, trt, compute_capability())
        text = json.dumps(facts, indent=1) + "\n" if report.suffix == ".json" else report_text(facts)
        atomic_write(report, text.encode())
    step(f"writing {output}")
    engine.write(output)
    return engine


def _in_precision(
    data: bytes, manifest: Manifest, precision: str | None, step: Callable[[str], None]
) -> tuple[bytes, Manifest]:
    """The graph in a precision; its manifest keeps the digest of the file that it was made from."""
    if precision in (None, manifest.precision):
        return data, manifest
    if precision == "fp32":
        raise BackendError("the model is in fp16 already; leave --precision out, or give the fp32 file.")
    step("converting to fp16")
    import onnx

    from whyframe_export.precision import to_fp16

    half = to_fp16(onnx.load_from_string(data))
    return half.SerializeToString(), dataclasses.replace(manifest, precision="fp16")


def _targets(options: BuildOptions, trt: TensorRT) -> tuple[ComputeCapability, ...]:
    """The GPUs named, else the one that is here, else none."""
    here = compute_capability()
    named = options.compute_capabilities or (() if here is None else (here,))
    if not trt.targets and named != (here,):
        raise BackendError(
            f"{trt} compiles for the GPU of this machine ({dotted(here) if here else 'there is none'}); leave "
            "--compute-capability out on a machine with that GPU, or use --flavour tensorrt_rtx."
        )
    return named


def _gpus(options: BuildOptions) -> str:
    named = ", ".join(map(dotted, options.compute_capabilities))
    return f"compute capability {named}" if named else "TensorRT-RTX's portable set of GPUs"
