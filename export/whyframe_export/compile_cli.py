"""Command `whyframe compile`. TensorRT is imported when the command runs, not when its help is shown."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from whyframe.errors import BackendError
from whyframe_export.cli import Precision


class Flavour(str, Enum):
    """Edition of TensorRT."""

    tensorrt = "tensorrt"
    tensorrt_rtx = "tensorrt_rtx"


def compile_command(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="Path of the fused .onnx file that 'whyframe export' wrote."),
    ],
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Path of the .engine file to write.", show_default="beside the model"
        ),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="Number format. fp16 halves the memory traffic; an fp32 model is converted first.",
            show_default="as in the model",
        ),
    ] = None,
    compute_capability: Annotated[
        list[str] | None,
        typer.Option(
            help="Compute capabilities of the GPUs to compile for, such as 8.6, or 8.6 8.9 12.0.",
            show_default="the GPU of this machine",
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            help="Frames per call: N, or SMALLEST:BEST:LARGEST for a range that is fastest at BEST.",
            show_default="1, or the model's fixed batch",
        ),
    ] = None,
    workspace: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Largest amount of GPU memory that a layer may use while it computes, in MiB.",
            show_default="no limit",
        ),
    ] = None,
    plugin: Annotated[
        bool,
        typer.Option("--plugin", help="Run the distribution controller with whyframe's own CUDA kernel."),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Path of a .json or .txt file for the table of layers.", show_default="no report"),
    ] = None,
    flavour: Annotated[
        Flavour | None,
        typer.Option(
            help="Edition of TensorRT.",
            show_default="that of WHYFRAME_TENSORRT, if set; else tensorrt where installed, else tensorrt_rtx",
        ),
    ] = None,
) -> None:
    """Compile a fused ONNX file to an engine for NVIDIA GPUs.

    TensorRT-RTX compiles on any machine, also for GPUs that the machine does
    not have. On a machine without a GPU, and without --compute-capability,
    it compiles for its portable set of GPUs (compute capability 8.0, 8.6, 8.9,
    12.0 and later). Full TensorRT measures its kernels while it compiles, so it compiles only for
    the GPU of this machine. An engine runs only with the version of TensorRT
    that compiled it.

    Examples:
      whyframe compile model.onnx
      whyframe compile model.onnx --precision fp16
      whyframe compile model.onnx --batch 1:4:16
      whyframe compile model.onnx --plugin --report layers.txt
      whyframe compile model.onnx --compute-capability 8.6 8.9 -o edge.engine
      whyframe run clip.mp4 --model model.engine

    Exit status:
      0    the engine was written
      1    an error; an older engine of the same name was kept
      2    a usage error, such as an unknown option
      130  Ctrl-C
    """
    from whyframe.tensorrt.api import FLAVOURS
    from whyframe_export import compile_engine

    output = output or model.with_suffix(".engine")
    engine = compile_engine(
        model,
        output,
        precision=precision.value if precision else None,
        compute_capabilities=_capabilities(compute_capability or [], more or []),
        batch=parse_batch(batch),
        workspace=workspace and workspace << 20,
        plugin=plugin,
        report=report,
        flavour=flavour.value if flavour else None,
        progress=True,
    )
    typer.echo(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB, {engine.manifest.precision}, "
        f"batch {':'.join(map(str, engine.batch))}, {FLAVOURS[engine.builder].title} {engine.builder_version}"
    )


def parse_batch(text: str | None) -> tuple[int, int, int] | None:
    """Return the smallest, best and largest batch of ``"N"`` or ``"SMALLEST:BEST:LARGEST"``; None for None.

    Raises:
        BackendError: The text has neither form.
    """
    if text is None:
        return None
    if not re.fullmatch(r"\d+(:\d+:\d+)?", text):
        raise BackendError(
            f"--batch {text!r} is neither N nor SMALLEST:BEST:LARGEST; give for example 1:4:8."
        )
    sizes = [int(size) for size in text.split(":")]
    return (sizes[0], sizes[len(sizes) // 2], sizes[-1])


def _capabilities(named: list[str], more: list[str]) -> tuple[tuple[int, int], ...]:
    """Return all compute capabilities: the first follows the option, and click takes the others for arguments."""
    if more and not named:
        raise BackendError(f"{more[0]!r} is an extra argument; only one model is compiled at a time.")
    return tuple(map(parse_capability, (*named, *more)))


def parse_capability(text: str) -> tuple[int, int]:
    """Return a compute capability such as ``"8.6"`` as (8, 6).

    Raises:
        BackendError: The text has another form.
    """
    match = re.fullmatch(r"(\d+)\.(\d)", text)
    if match is None:
        raise BackendError(f"--compute-capability {text!r} is not of the form 8.6; see `whyframe doctor`.")
    return int(match[1]), int(match[2])
