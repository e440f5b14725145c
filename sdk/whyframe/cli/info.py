"""``whyframe info``: the manifest of a model, and the versions and runtimes of this installation."""

from __future__ import annotations

import platform
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from whyframe import __version__
from whyframe.cli.options import BUNDLED_MODEL, MODEL_HELP, Json, open_engine
from whyframe.files import json_text
from whyframe.printable import printable

__all__ = ["info"]


def info(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help=MODEL_HELP, show_default=BUNDLED_MODEL)
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Print only the classes: id, tab and name in each line.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the manifest of a model, the versions of the packages, and the available runtimes.

    The manifest describes the classifier, its preprocessing, the mask
    predictor and how it was trained.

    Fields of --json:
      model     path of the model file, or "bundled"
      manifest  manifest of the model
      versions  version of each package
      runtime   chosen backend and the reason; available providers and
                video output

    Examples:
      whyframe info
      whyframe info model.onnx --json
      whyframe info --labels | grep cat
    """
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
        "runtime": {**backend, **_capabilities()},
    }
    print(json_text(facts)) if as_json else _print_table(facts)


def _versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages, by import name."""
    names = ["numpy", "cv2", "onnxruntime", *(["av"] if find_spec("av") else [])]
    packages = {name: import_module(name).__version__ for name in names}
    return {"whyframe": __version__, "python": platform.python_version(), **packages}


def _capabilities() -> dict[str, Any]:
    """Return the providers that can run a model, and the format in which video is written."""
    import onnxruntime

    return {
        "providers": onnxruntime.get_available_providers(),
        "video_output": "H.264 and sound by PyAV",
    }


def _print_table(facts: dict[str, Any]) -> None:
    """Print the facts as aligned names and values, group by group."""
    labels = facts["manifest"].pop("labels")
    if facts["manifest"]["exclusive"]:
        del facts["manifest"]["thresholds"]  # they are those of independent labels
    rows = {"model": facts["model"], "classes": f"{len(labels)} (--labels lists them)"}
    for group in ("manifest", "versions", "runtime"):
        rows |= facts[group]
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {printable(_one_line(value))}")


def _one_line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)
