"""``whyframe info``: what a model says of itself, and what this installation can do."""

from __future__ import annotations

import json
import platform
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from whyframe import __version__
from whyframe.cli.options import Json, open_engine

__all__ = ["info"]


def info(
    model: Annotated[
        Path | None, typer.Argument(help="A fused ONNX file; the bundled model where not given.")
    ] = None,
    labels: Annotated[bool, typer.Option("--labels", help="List the classes instead: id and name.")] = False,
    as_json: Json = False,
) -> None:
    """Show a model's manifest, and the versions and backends found here.

    \b
    whyframe info
    whyframe info model.onnx --json
    whyframe info --labels | grep cat
    """  # noqa: D301 - a real backspace keeps the lines of the examples apart
    with open_engine(model, "auto", None, None) as engine:
        manifest = engine.manifest.to_dict()
        backend = {"backend": engine.backend_name, "reason": engine.backend_reason}
    if labels:
        print("\n".join(f"{index}\t{label}" for index, label in enumerate(manifest["labels"])))
        return
    facts = {
        "model": str(model or "bundled"),
        "manifest": manifest,
        "versions": _versions(),
        "runtime": {**backend, **_abilities()},
    }
    print(json.dumps(facts)) if as_json else _print_table(facts)


def _versions() -> dict[str, str]:
    """The versions of what is installed, by import name."""
    names = ["numpy", "cv2", "onnxruntime", *(["av"] if find_spec("av") else [])]
    found = {name: import_module(name).__version__ for name in names}
    return {"whyframe": __version__, "python": platform.python_version(), **found}


def _abilities() -> dict[str, Any]:
    """What can run models and write video here."""
    import onnxruntime

    return {
        "providers": onnxruntime.get_available_providers(),
        "video_output": "H.264 and sound by PyAV" if find_spec("av") else "mp4v by OpenCV, no sound",
    }


def _print_table(facts: dict[str, Any]) -> None:
    """Prints the facts as aligned names and values, group by group."""
    labels = facts["manifest"].pop("labels")
    rows = {"model": facts["model"], "classes": f"{len(labels)} (--labels lists them)"}
    for group in ("manifest", "versions", "runtime"):
        rows |= facts[group]
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {_one_line(value)}")


def _one_line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)
