"""`whyframe train`. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from whyframe.errors import WhyframeError


class ControllerName(str, Enum):
    """Distribution controllers."""

    ct = "ct"
    bt = "bt"


class GeneratorName(str, Enum):
    """Mask generators."""

    edge = "edge"
    unet = "unet"


class Precision(str, Enum):
    """Arithmetic of the classifier while training."""

    bf16 = "bf16"
    fp32 = "fp32"


Data = Annotated[Path, typer.Option(help="Folder of images; sub-folders are searched. No labels are needed.")]
Output = Annotated[
    Path, typer.Option("-o", "--output", help="Run folder; the same command again resumes it.")
]
Name = Annotated[
    str,
    typer.Option(
        help="efficientnet_lite0, _lite1 or _lite2, a torchvision CNN such as resnet50, or your own: my_model.py:build."
    ),
]
Weights = Annotated[str, typer.Option(help="A weights file, 'pretrained' (with the network), or 'random'.")]
Labels = Annotated[Path | None, typer.Option(help="Text file, one label a line. [default: ImageNet-1k's]")]
Mean = Annotated[
    str | None, typer.Option(help="Of RGB in [0, 1], e.g. 0.485,0.456,0.406. [default: the network's]")
]
Std = Annotated[
    str | None, typer.Option(help="Of RGB in [0, 1], e.g. 0.229,0.224,0.225. [default: the network's]")
]
Side = Annotated[int | None, typer.Option(min=32, help="Input side in pixels. [default: the network's]")]


def train(
    context: typer.Context,
    data: Data,
    output: Output,
    classifier: Name = "efficientnet_lite0",
    weights: Weights = "pretrained",
    labels: Labels = None,
    mean: Mean = None,
    std: Std = None,
    side: Side = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="A predictor of the paper: ct, bt, mgnet, ...; its controller, objective, no anchor."
        ),
    ] = None,
    controller: Annotated[ControllerName, typer.Option(help="Distribution controller.")] = ControllerName.ct,
    eta: Annotated[float, typer.Option(min=1e-3, help="CT: steepness.")] = 1.5,
    h: Annotated[float, typer.Option(min=1e-3, help="CT: skewness; above 1 to the right.")] = 2.5,
    generator: Annotated[
        GeneratorName | None,
        typer.Option(help="Mask generator. [default: unet for resnet50, vgg19, googlenet; else edge]"),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the images, a new crop each.")] = 60,
    batch: Annotated[int, typer.Option(min=2, help="Images a step.")] = 32,
    learning_rate: Annotated[
        float, typer.Option(min=1e-6, help="Adam's; halved every 3/10 of the run.")
    ] = 4e-3,
    anchor: Annotated[
        float,
        typer.Option(min=0, help="Share of class activation in the mask: more covers more of the object."),
    ] = 0.3,
    spread: Annotated[
        float, typer.Option(min=1, help="CT: eta and h are drawn about their values; 1 keeps them fixed.")
    ] = 4.0,
    start_from: Annotated[
        Path | None, typer.Option(help="Run folder to start from, with the same networks.")
    ] = None,
    joint: Annotated[
        bool, typer.Option("--joint", help="Train the classifier too, on photographs with classes.")
    ] = False,
    classes: Annotated[
        Path | None,
        typer.Option(help="For --joint: CSV file with columns file and class. [default: sub-folders]"),
    ] = None,
    validation: Annotated[int, typer.Option(min=1, help="Images kept for validation.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    precision: Annotated[
        Precision, typer.Option(help="bf16 is several times faster where the CPU has it.")
    ] = Precision.bf16,
) -> None:
    """Train a mask predictor on a classifier, from a folder of photographs.

    Nothing of the classifier changes, unless --joint trains a copy of it, its last layer made new for your classes.
    A GPU is used where there is one. Interrupted, the same command goes on.

    \b
    whyframe train --data photos -o runs/lite0
    whyframe train --data photos --classifier my_model.py:build --weights w.pt --labels labels.txt -o runs/mine
    whyframe train --data photos --joint --classes labels.csv -o runs/pair
    whyframe export runs/lite0 -o model.onnx
    """  # noqa: D301 - \b is typer's
    from rich.console import Console

    from whyframe_training.classifiers.classifier import DEFAULT_GENERATORS, ClassifierSpec
    from whyframe_training.config import TrainConfig
    from whyframe_training.joint.joint_run import train_joint
    from whyframe_training.predictor.generators import DEFAULT_WIDTHS
    from whyframe_training.presets import find_preset
    from whyframe_training.training_run import train as train_run

    if preset is not None:
        _check_free(context, preset)
    spec = ClassifierSpec(
        name=classifier, weights=weights, labels=None if labels is None else str(labels),
        mean=triple("--mean", mean), std=triple("--std", std), side=side,
    )  # fmt: skip
    chosen = DEFAULT_GENERATORS.get(classifier, {"name": "edge", "widths": DEFAULT_WIDTHS["edge"]})
    if generator is not None and generator.value != chosen["name"]:
        chosen = {"name": generator.value, "widths": DEFAULT_WIDTHS[generator.value]}
    shape = {"name": "ct", "eta": eta, "h": h} if controller is ControllerName.ct else {"name": "bt"}
    config = TrainConfig(
        classifier=spec, generator=chosen, controller=shape, data=str(data), validation=validation, epochs=epochs,
        batch=batch, learning_rate=learning_rate, seed=seed, anchor=anchor, spread=spread,
        start_from=None if start_from is None else str(start_from), precision=precision.value,
    )  # fmt: skip
    if preset is not None:
        config = find_preset(preset).apply(config)
    if joint:
        train_joint(config, classes, output, Console(stderr=True))
    elif classes is not None:
        raise WhyframeError("--classes goes with --joint: a mask predictor alone is trained without labels")
    else:
        train_run(config, output, Console(stderr=True))
    typer.echo(f"done: whyframe export {output} -o model.onnx")


def _check_free(context: typer.Context, preset: str) -> None:
    """What a preset decides is not given beside it: it would be ignored."""
    for name in ("controller", "eta", "h", "anchor", "spread"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise WhyframeError(f"--{name} goes without --preset: {preset} sets it; leave one of them out.")


def triple(option: str, text: str | None) -> tuple[float, float, float] | None:
    """Three comma-separated numbers."""
    if text is None:
        return None
    try:
        r, g, b = (float(part) for part in text.split(","))
    except ValueError as error:
        raise WhyframeError(
            f"{option} takes three numbers such as 0.485,0.456,0.406, got {text!r}"
        ) from error
    return r, g, b
