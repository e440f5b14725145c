"""Command `whyframe export`. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Explainer(str, Enum):
    """Kind of explainer."""

    predictor = "predictor"
    cam = "cam"


class Precision(str, Enum):
    """Number format of most of the graph."""

    fp32 = "fp32"
    fp16 = "fp16"


class Resize(str, Enum):
    """Rule that makes a frame square."""

    stretch = "stretch"
    crop = "crop"


_CAM_PANEL = "Classifier, with --explainer cam"


def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN", help="Run folder that 'whyframe train' wrote. Leave it out with --explainer cam."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Path of the .onnx file to write.")] = Path(
        "model.onnx"
    ),
    explainer: Annotated[
        Explainer,
        typer.Option(
            help="predictor: the trained mask predictor of RUN. cam: the class activation map of --classifier, "
            "which needs no training and a network that ends in global average pooling and one linear layer."
        ),
    ] = Explainer.predictor,
    resize: Annotated[
        Resize,
        typer.Option(
            help="How a frame becomes square. stretch: squeeze the complete frame. crop: take its largest centred "
            "square."
        ),
    ] = Resize.stretch,
    batch: Annotated[int, typer.Option(min=0, help="Fixed number of frames per call; 0 for any number.")] = 0,
    precision: Annotated[
        Precision,
        typer.Option(
            help="Number format of most of the graph. fp16 halves the file and is meant for GPUs; "
            "'whyframe compile' can convert to it later."
        ),
    ] = Precision.fp32,
    classifier: Annotated[
        str,
        typer.Option(
            help="Network: efficientnet_lite0, _lite1 or _lite2, a torchvision CNN such as resnet50, or your own "
            "function, my_model.py:build.",
            rich_help_panel=_CAM_PANEL,
        ),
    ] = "efficientnet_lite0",
    weights: Annotated[
        str,
        typer.Option(
            help="Path of a weights file; or pretrained, for the weights published with the network; or random.",
            rich_help_panel=_CAM_PANEL,
        ),
    ] = "pretrained",
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Path of a text file with one label per line.",
            show_default="ImageNet-1k's labels",
            rich_help_panel=_CAM_PANEL,
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            help="Mean of RGB values from 0 to 1, such as 0.485,0.456,0.406.",
            show_default="the network's",
            rich_help_panel=_CAM_PANEL,
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            help="Standard deviation of RGB values from 0 to 1, such as 0.229,0.224,0.225.",
            show_default="the network's",
            rich_help_panel=_CAM_PANEL,
        ),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(
            min=32,
            help="Height and width of the input in pixels.",
            show_default="the network's",
            rich_help_panel=_CAM_PANEL,
        ),
    ] = None,
) -> None:
    """Fuse a classifier and its explainer into one ONNX file.

    The graph is compared with PyTorch on 50 images before it is written, for
    four targets each: the predicted class, the second most probable class,
    the last class, and a class id that is too large. The images are those
    that training kept for validation, or crops of the bundled images. If the
    two differ, nothing is written. The report of the comparison is written
    beside the model, as model.parity.json.

    Examples:
      whyframe export runs/lite0 -o model.onnx
      whyframe export runs/lite0 --precision fp16 --batch 1 -o model.onnx
      whyframe export --explainer cam -o cam.onnx
      whyframe export --explainer cam --classifier resnet50 -o cam.onnx
      whyframe run clip.mp4 --model model.onnx

    Exit status:
      0    the file agrees with PyTorch and was written
      1    an error, and nothing was written
      2    a wrong option or argument
      130  Ctrl-C
    """
    from whyframe_export import export as export_model
    from whyframe_training.classifiers.classifier import ClassifierSpec
    from whyframe_training.options import parse_rgb

    source: Path | ClassifierSpec
    if run is None:
        names = None if labels is None else str(labels)
        source = ClassifierSpec(
            classifier, weights, names, parse_rgb("--mean", mean), parse_rgb("--std", std), side
        )
    else:
        source = run
    report = export_model(
        source,
        output,
        explainer=explainer.value,
        resize=resize.value,
        batch=batch or None,
        precision=precision.value,
        progress=True,
    ).to_dict()
    typer.echo(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB. Against PyTorch on {report['images']} images: probabilities "
        f"differ by at most {report['largest_probability_difference']:.1e}, maps by "
        f"{report['largest_saliency_difference']:.1e} (worst: {report['worst']['file']})"
    )
