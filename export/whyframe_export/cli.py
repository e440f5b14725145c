"""`whyframe export`. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from whyframe.errors import OutputError, WhyframeError


class Explainer(str, Enum):
    """What explains."""

    predictor = "predictor"
    cam = "cam"


class Precision(str, Enum):
    """What most of the graph computes in."""

    fp32 = "fp32"
    fp16 = "fp16"


class Resize(str, Enum):
    """How a frame becomes the model's square input."""

    stretch = "stretch"
    crop = "crop"


def export(
    run: Annotated[Path | None, typer.Argument(help="Run folder that `whyframe train` made.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .onnx file.")] = Path("model.onnx"),
    explainer: Annotated[Explainer, typer.Option(help="cam: no training needed.")] = Explainer.predictor,
    classifier: Annotated[str, typer.Option(help="For cam: as in `whyframe train`.")] = "efficientnet_lite0",
    weights: Annotated[str, typer.Option(help="For cam: as in `whyframe train`.")] = "pretrained",
    labels: Annotated[Path | None, typer.Option(help="For cam: as in `whyframe train`.")] = None,
    mean: Annotated[str | None, typer.Option(help="For cam: as in `whyframe train`.")] = None,
    std: Annotated[str | None, typer.Option(help="For cam: as in `whyframe train`.")] = None,
    side: Annotated[int | None, typer.Option(min=32, help="For cam: as in `whyframe train`.")] = None,
    resize: Annotated[Resize, typer.Option(help="stretch sees the whole frame.")] = Resize.stretch,
    batch: Annotated[int, typer.Option(min=0, help="Fixed batch; 0 takes any.")] = 0,
    precision: Annotated[
        Precision, typer.Option(help="fp16 for GPUs; `whyframe compile` also converts.")
    ] = Precision.fp32,
) -> None:
    """Fuse a classifier and its explainer into one ONNX file.

    The file is compared with PyTorch on 50 images and every kind of target before it is written; the report is
    written beside it. Where they differ nothing is written.

    \b
    whyframe export runs/lite0 -o model.onnx
    whyframe export --explainer cam --classifier efficientnet_lite0 -o cam.onnx
    """  # noqa: D301 - \b is typer's
    if output.suffix != ".onnx" or not output.parent.is_dir():
        raise OutputError(f"cannot write {output}: give a file name that ends in .onnx in an existing folder")
    if (run is None) == (explainer is Explainer.predictor):
        raise WhyframeError("give a run folder, or --explainer cam without one")

    from whyframe_export.export import cam_product, trained_product
    from whyframe_export.export import export as write
    from whyframe_training.classifiers.classifier import ClassifierSpec
    from whyframe_training.cli import triple

    if run is None:
        names = None if labels is None else str(labels)
        spec = ClassifierSpec(classifier, weights, names, triple("--mean", mean), triple("--std", std), side)
        product = cam_product(spec, resize.value, batch or None)
    else:
        product = trained_product(run, resize.value, batch or None)
    report = write(
        product, output, lambda text: typer.echo(f"{text} ...", err=True), precision.value
    ).to_dict()
    typer.echo(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB. Against PyTorch on {report['images']} images: probabilities "
        f"differ by at most {report['largest_probability_difference']:.1e}, maps by "
        f"{report['largest_saliency_difference']:.1e} (worst: {report['worst']['file']})"
    )
