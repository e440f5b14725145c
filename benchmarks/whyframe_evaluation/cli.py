"""``whyframe evaluate``. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from whyframe_evaluation.methods import GROUPS, METHODS
from whyframe_training import input_options
from whyframe_training.option_values import InputValues, classifier_spec
from whyframe_training.options import (
    Activation,
    ActivationOption,
    ClassifierOption,
    LabelsOption,
    TrustOption,
    WeightsOption,
)

__all__ = ["evaluate"]


class Budget(str, Enum):
    """Effort of an evaluation."""

    quick = "quick"
    paper = "paper"


def evaluate(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder of images, or a folder that holds images/ and their boxes.json. May be given several times.",
            metavar="FOLDER",
            rich_help_panel="Images",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Report folder. The same command with the same folder resumes an interrupted evaluation.",
            metavar="FOLDER",
        ),
    ],
    methods: Annotated[
        str,
        typer.Option(
            help="Methods to compare, separated by commas: names of methods and of groups of methods, run folders of "
            "'whyframe train', fused .onnx files; or all, for every method. "
            f"Methods: {', '.join(METHODS)}. Groups: {', '.join(GROUPS)}.",
            metavar="NAME,...",
        ),
    ] = "all",
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="Boxes of the images in --data: a COCO JSON file, a Pascal VOC XML file or a folder of them, or a "
            "folder of YOLO text files. Only with a single --data.",
            metavar="PATH",
            rich_help_panel="Images",
        ),
    ] = None,
    keypoints: Annotated[
        Path | None,
        typer.Option(
            help="COCO JSON file with keypoints of animals in --data: compares the maps at their eyes and feet. Only "
            "with a single --data.",
            metavar="FILE",
            rich_help_panel="Images",
        ),
    ] = None,
    classifier: ClassifierOption = "efficientnet_lite0",
    weights: WeightsOption = "pretrained",
    labels: LabelsOption = None,
    activation: ActivationOption = Activation.auto,
    trust: TrustOption = False,
    side: input_options.SideOption = None,
    channels: input_options.ChannelsOption = None,
    color: input_options.ColorOption = None,
    mean: input_options.MeanOption = None,
    std: input_options.StdOption = None,
    resize: input_options.ResizeOption = None,
    shorter_side: input_options.ShorterSideOption = None,
    interpolation: input_options.InterpolationOption = None,
    antialias: input_options.AntialiasOption = None,
    fill: input_options.FillOption = None,
    premultiplied: input_options.PremultipliedOption = None,
    crop_offset: input_options.CropOffsetOption = None,
    budget: Annotated[
        Budget,
        typer.Option(
            help="quick: methods of over 100 passes per image, and costly metrics, run on the first 24 images only. "
            "paper: everything runs on all images."
        ),
    ] = Budget.quick,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Use only the first N images of each folder.",
            metavar="N",
            rich_help_panel="Images",
        ),
    ] = None,
    held_out: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of folders without boxes, use only the N images that 'whyframe train --validation N' does not "
            "train on.",
            metavar="N",
            rich_help_panel="Images",
        ),
    ] = None,
    shown: Annotated[
        int, typer.Option(min=0, help="Number of images whose maps the report shows.", metavar="N")
    ] = 6,
) -> None:
    """Compare explanation methods on a classifier and on your images.

    Each method explains the class that the classifier predicts for each image.
    An image of a folder with boxes counts only if a box is of that class.

    Every map (maps/) and value (values.jsonl) is stored in the report folder
    as soon as it is computed, so that the same command resumes an interrupted
    evaluation. At the end, report.html (one file that needs no other file),
    table.md, values.json and the figures (figures/) are written. A method
    whose weights have changed runs again.

    Examples:
      whyframe evaluate --data photos/ --methods cam,grad-cam,ct -o report
      whyframe evaluate --data photos/ --methods cam,runs/mine,mine.onnx -o report
      whyframe evaluate --data images/ --boxes instances.json --budget paper -o report
      whyframe evaluate --data images/ --keypoints animals.json --methods cam,rise -o report
      whyframe evaluate --data photos/ --classifier my_model.py:build --weights w.pt -o report

    Exit status:
      0    the report was written; it lists the images on which a method failed
      1    an error; the same command resumes the evaluation
      2    a wrong option or argument
      130  Ctrl-C; the same command resumes the evaluation
    """
    from whyframe_evaluation.evaluator import EvaluationOptions
    from whyframe_evaluation.evaluator import evaluate as run_evaluation
    from whyframe_evaluation.report.writer import write_report
    from whyframe_training.classifiers.classifier import build_classifier
    from whyframe_training.classifiers.input_description import describe_input
    from whyframe_training.code_trust import announce_code

    values = InputValues(
        side,
        channels,
        color,
        mean,
        std,
        resize,
        shorter_side,
        interpolation,
        antialias,
        fill,
        premultiplied,
        crop_offset,
    )
    spec = classifier_spec(classifier, weights, labels, values, activation)
    announce_code(classifier, trust=trust)
    network = build_classifier(spec)
    typer.echo(describe_input(spec, network), err=True)
    options = EvaluationOptions(budget.value, limit, held_out, boxes, keypoints)
    result = run_evaluation(network, data, methods, output, options=options, progress=True)
    page = write_report(result, shown=shown)
    typer.echo((output / "table.md").read_text(encoding="utf-8"))
    typer.echo(f"Open {page} in a browser to see the maps.")
