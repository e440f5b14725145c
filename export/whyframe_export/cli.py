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


def export(
    run: Annotated[
        Path | None,
        typer.Argument(help="Run folder that `whyframe train` wrote. Leave it out with --explainer cam."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .onnx file to write.")] = Path(
        "model.onnx"
    ),
    explainer: Annotated[
        Explainer,
        typer.Option(
            help="predictor: the trained mask predictor of RUN. cam: the class activation map of --classifier, "
            "for networks that end in global average pooling and one linear layer."
        ),
    ] = Explainer.predictor,
    classifier: Annotated[
        str,
        typer.Option(
            help="With cam: the network. efficientnet_lite0, _lite1 or _lite2, a torchvision CNN such as resnet50, "
            "or your own: my_model.py:build."
        ),
    ] = "efficientnet_lite0",
    weights: Annotated[
        str, typer.Option(help="With cam: a weights file, 'pretrained' or 'random'.")
    ] = "pretrained",
    labels: Annotated[
        Path | None,
        typer.Option(
            help="With cam: text file with one label per line.", show_default="ImageNet-1k's labels"
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            help="With cam: mean of RGB values from 0 to 1, e.g. 0.485,0.456,0.406.",
            show_default="the network's",
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            help="With cam: standard deviation of RGB values from 0 to 1, e.g. 0.229,0.224,0.225.",
            show_default="the network's",
        ),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(
            min=32, help="With cam: height and width of the input in pixels.", show_default="the network's"
        ),
    ] = None,
    resize: Annotated[
        Resize,
        typer.Option(
            help="How a frame becomes square: stretch squeezes the complete frame, crop takes its largest centred "
            "square."
        ),
    ] = Resize.stretch,
    batch: Annotated[
        int, typer.Option(min=0, help="Fixed number of frames per call; 0 lets each call choose.")
    ] = 0,
    precision: Annotated[
        Precision,
        typer.Option(
            help="Number format. fp16 halves the file and is meant for GPUs; `whyframe compile --precision fp16` "
            "can convert later."
        ),
    ] = Precision.fp32,
) -> None:
    """Fuse a classifier and its explainer into one ONNX file.

    \b
    whyframe export runs/lite0 -o model.onnx
    whyframe export --explainer cam -o cam.onnx
    whyframe export --explainer cam --classifier resnet50 -o cam.onnx
    whyframe run clip.mp4 --model model.onnx

    The graph is first compared with PyTorch, on 50 images and four targets
    for each: the predicted class, the second most probable class, the last
    class, and a class id that is too large. The images are those that
    training kept for validation, or crops of bundled images where there are
    none. If the two differ, nothing is written and the command fails. The
    report is written beside the model, as model.parity.json.
    """  # noqa: D301 - a real backspace keeps the lines of the examples apart
    from whyframe_export import export as export_model
    from whyframe_training.classifiers.classifier import ClassifierSpec
    from whyframe_training.cli import triple

    source: Path | ClassifierSpec
    if run is None:
        names = None if labels is None else str(labels)
        source = ClassifierSpec(
            classifier, weights, names, triple("--mean", mean), triple("--std", std), side
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
