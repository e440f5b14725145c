"""Flags that several commands share, and the engine that they describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from whyframe.engine import ExplainEngine

__all__ = ["Backend", "Device", "Json", "Model", "Target", "Threads", "open_engine"]

Model = Annotated[
    Path | None, typer.Option("--model", help="A fused ONNX file; the bundled model where not given.")
]
Target = Annotated[
    str | None, typer.Option("--target", help="Class to explain, by name or id; the predicted one otherwise.")
]
Backend = Annotated[str, typer.Option("--backend", help="Inference runtime: auto, onnxruntime or tensorrt.")]
Device = Annotated[
    str | None,
    typer.Option("--device", help="cpu, or cuda:0 for the first GPU; cpu, with tensorrt cuda:0, otherwise."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads; all the cores where not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]


def open_engine(model: Path | None, backend: str, device: str | None, threads: int | None) -> ExplainEngine:
    """The engine that the flags describe; imported here, as it takes a moment."""
    from whyframe.engine import ExplainEngine

    return ExplainEngine(model, backend=backend, device=device, threads=threads)
