"""`whyframe compile`. TensorRT is imported when the command runs, not when its help is shown."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from whyframe.errors import BackendError, OutputError
from whyframe_export.cli import Precision


class Flavour(str, Enum):
    """Which TensorRT builds."""

    tensorrt = "tensorrt"
    tensorrt_rtx = "tensorrt_rtx"


def compile_command(
    model: Annotated[Path, typer.Argument(help="A fused .onnx file that `whyframe export` made.")],
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The .engine file; beside the model where not given."),
    ] = None,
    precision: Annotated[
        Precision | None, typer.Option(help="fp16 converts an fp32 model; that of the model where not given.")
    ] = None,
    compute_capability: Annotated[
        list[str] | None,
        typer.Option(help="GPUs to compile for, such as 8.6, or 8.6 8.9 12.0. See below where not given."),
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help="Frames in a call: N, or SMALLEST:BEST:LARGEST. 1 where not given.")
    ] = None,
    workspace: Annotated[
        int | None, typer.Option(min=1, help="Most MiB of GPU memory that a layer may take to compute in.")
    ] = None,
    plugin: Annotated[
        bool, typer.Option("--plugin", help="Run the controller by whyframe's own CUDA kernel.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write the table of layers to this .json or .txt file.")
    ] = None,
    flavour: Annotated[
        Flavour | None, typer.Option(help="The full one where it loads, where not given.")
    ] = None,
) -> None:
    """Compile a fused ONNX file into an engine for NVIDIA GPUs.

    \b
    whyframe compile model.onnx                        for the GPU of this machine: model.engine
    whyframe compile model.onnx --precision fp16       half the memory traffic
    whyframe compile model.onnx --compute-capability 8.6 8.9 -o edge.engine
    whyframe compile model.onnx --batch 1:4:16         one to sixteen frames a call, tuned for four
    whyframe compile model.onnx --plugin --report layers.txt

    TensorRT-RTX compiles on any machine, for GPUs that are not here; where none is here and none is named,
    for its portable set (8.0, 8.6, 8.9, 12.0 and later). Full TensorRT times its kernels: it needs the GPU
    that it compiles for. An engine runs with the TensorRT version that built it.
    """  # noqa: D301 - \b is typer's
    output = output or model.with_suffix(".engine")
    _check_folder(output)
    _check_folder(report)

    from whyframe.tensorrt.api import load_tensorrt
    from whyframe.tensorrt.build import BuildOptions
    from whyframe.tensorrt.cache import cache_folder
    from whyframe_export.compile import compile_file

    trt = load_tensorrt(flavour.value if flavour else None)
    options = BuildOptions(
        batch=parse_batch(batch),
        compute_capabilities=_capabilities(compute_capability or [], more or []),
        workspace=workspace and workspace << 20,
        plugin=plugin,
        timing_cache=cache_folder() / f"{trt.name}-{trt.version}.timing",
    )
    engine = compile_file(
        model,
        output,
        options,
        trt,
        precision.value if precision else None,
        report,
        lambda text: typer.echo(f"{text} ...", err=True),
    )
    typer.echo(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB, {engine.manifest.precision}, "
        f"batch {':'.join(map(str, engine.batch))}, {trt}"
    )


def parse_batch(text: str | None) -> tuple[int, int, int] | None:
    """N or SMALLEST:BEST:LARGEST to a range; None for None."""
    if text is None:
        return None
    if not re.fullmatch(r"\d+(:\d+:\d+)?", text):
        raise BackendError(
            f"--batch {text!r} is neither N nor SMALLEST:BEST:LARGEST; give for example 1:4:8."
        )
    sizes = [int(one) for one in text.split(":")]
    return (sizes[0], sizes[len(sizes) // 2], sizes[-1])


def _capabilities(named: list[str], more: list[str]) -> tuple[tuple[int, int], ...]:
    """Those behind the option, and the words that follow: click takes one word an option."""
    if more and not named:
        raise BackendError(f"{more[0]!r} is one argument too many; one model is compiled at a time.")
    return tuple(map(parse_capability, (*named, *more)))


def parse_capability(text: str) -> tuple[int, int]:
    """8.6 to (8, 6)."""
    found = re.fullmatch(r"(\d+)\.(\d)", text)
    if found is None:
        raise BackendError(f"--compute-capability {text!r} is not of the form 8.6; see `whyframe doctor`.")
    return int(found[1]), int(found[2])


def _check_folder(path: Path | None) -> None:
    """Before the build, not after it."""
    if path is not None and not path.parent.is_dir():
        raise OutputError(
            f"{path.parent} is not a folder, so {path.name} cannot be written; create it first."
        )
