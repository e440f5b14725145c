"""Options that several commands share, and the engine that they describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from whyframe.engine import ExplainEngine

__all__ = [
    "BUNDLED_MODEL",
    "MODEL_HELP",
    "Backend",
    "Device",
    "Json",
    "Live",
    "Matte",
    "MaxMegapixels",
    "Model",
    "Target",
    "Threads",
    "open_engine",
]

BUNDLED_MODEL = "the bundled EfficientNet-Lite0"
MODEL_HELP = "Path of a fused ONNX file, or of an engine made by 'whyframe compile'."

_PANEL = "Model and hardware"
_IMAGES = "Images"

Live = Annotated[
    bool | None,
    typer.Option(
        "--live/--no-live",
        help="Drop frames that arrive while an earlier one is explained, or explain every frame.",
        show_default="live for cameras, RTSP, RTMP, SRT, UDP and MJPEG over HTTP",
    ),
]
Model = Annotated[
    Path | None,
    typer.Option("--model", help=MODEL_HELP, show_default=BUNDLED_MODEL, rich_help_panel=_PANEL),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        help="Class to explain in every frame, by its name or its id.",
        show_default="the predicted class of each frame",
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        "--backend",
        help="Inference runtime: onnxruntime, tensorrt (compiles an ONNX file once and keeps the engine), or auto "
        "(onnxruntime for an ONNX file, tensorrt for an engine).",
        rich_help_panel=_PANEL,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        help="Device to run on: cpu, or cuda:N for the GPU of index N.",
        show_default="cpu; with tensorrt cuda:0",
        rich_help_panel=_PANEL,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Number of CPU threads for one call of the model.",
        show_default="all usable cores",
        rich_help_panel=_PANEL,
    ),
]
Matte = Annotated[
    str,
    typer.Option(
        "--matte",
        help="Colour behind transparent pixels of images: a name, such as white, or #rrggbb.",
        rich_help_panel=_IMAGES,
    ),
]
MaxMegapixels = Annotated[
    float | None,
    typer.Option(
        "--max-megapixels",
        help="Largest number of millions of pixels of an image (also WHYFRAME_MAX_MEGAPIXELS).",
        show_default="100",
        rich_help_panel=_IMAGES,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for other programs.")]


def open_engine(
    model: Path | None,
    backend: str,
    device: str | None,
    threads: int | None,
    matte: str = "white",
    max_megapixels: float | None = None,
) -> ExplainEngine:
    """Open the engine that the options describe.

    Args:
        model: Path of the model file; None for the bundled model.
        backend: Name of the inference runtime, or ``"auto"``.
        device: Name of the device; None for the default of the runtime.
        threads: Number of CPU threads; None for all usable cores.
        matte: Colour behind transparent pixels.
        max_megapixels: Largest number of millions of pixels of an image; None for the default.

    Returns:
        The engine, to be used as a context manager.

    Raises:
        WhyframeError: The model cannot be read, or the runtime or the device cannot be used.
    """
    from whyframe.engine import ExplainEngine

    return ExplainEngine(
        model, backend=backend, device=device, threads=threads, matte=matte, max_megapixels=max_megapixels
    )
