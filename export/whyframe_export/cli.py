"""Command `whyframe export`. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from whyframe.errors import WhyframeError
from whyframe.manifest import Manifest
from whyframe_training import input_options, options
from whyframe_training.option_values import INPUT_OPTIONS, InputValues, classifier_spec, is_given


class Explainer(str, Enum):
    """Kind of explainer."""

    predictor = "predictor"
    cam = "cam"
    forward = "forward"
    auto = "auto"


class Precision(str, Enum):
    """Number format of most of the graph."""

    fp32 = "fp32"
    fp16 = "fp16"


_SET_BY_RUN = ("classifier", "weights", "labels", "activation", "taps", *INPUT_OPTIONS)
"""Parameters that describe the classifier, which a run folder describes too."""


def export(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN",
            help="Run folder that 'whyframe train' wrote. Leave it out with --explainer cam, forward or auto.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Path of the .onnx file to write.")] = Path(
        "model.onnx"
    ),
    explainer: Annotated[
        Explainer,
        typer.Option(
            help="predictor: the trained mask predictor of RUN. The others need no training: cam, the class activation "
            "map of --classifier, for networks that end in global average pooling and one linear layer; forward, a map "
            "for any network, from forward passes of its last layers; auto, cam where possible, and otherwise forward."
        ),
    ] = Explainer.predictor,
    batch: Annotated[int, typer.Option(min=0, help="Fixed number of frames per call; 0 for any number.")] = 0,
    precision: Annotated[
        Precision,
        typer.Option(
            help="Number format of most of the graph. fp16 halves the file and is meant for GPUs; "
            "'whyframe compile' can convert to it later."
        ),
    ] = Precision.fp32,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBERS",
            help="Probability from which a label of a multi-label classifier is present: a number, numbers separated "
            "by commas in the order of the labels, or JSON (or a .json file) from label to number.",
            show_default="0.5",
        ),
    ] = None,
    classifier: options.ClassifierOption = "efficientnet_lite0",
    weights: options.WeightsOption = "pretrained",
    labels: options.LabelsOption = None,
    activation: options.ActivationOption = options.Activation.auto,
    taps: options.TapsOption = None,
    trust: options.TrustOption = False,
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
) -> None:
    """Fuse a classifier and its explainer into one ONNX file.

    The explainer is the mask predictor of a run of 'whyframe train', or a
    map that needs no training (--explainer cam, forward or auto). The options
    under "Classifier", --side, --channels, --color, --mean and --std apply to
    the latter only: a run folder already names its classifier. --resize and the
    options that go with it replace that part of the run's resize rule.

    The graph is compared with PyTorch on 50 images before it is written, for
    four targets each: the predicted class, the second most probable class,
    the last class, and a class id that is too large. The images are those
    that training kept for validation; if there are fewer than 50, crops of
    the bundled images. If the graph and PyTorch differ by more than 1e-4,
    nothing is written. The report of the comparison is written beside the
    model, as model.parity.json. The probabilities are also compared with
    those of the network itself, neither folded nor wrapped: 1e-5.

    Examples:
      whyframe export runs/lite0 -o model.onnx
      whyframe export runs/lite0 --precision fp16 --batch 1 -o model.onnx
      whyframe export --explainer cam -o cam.onnx
      whyframe export --explainer cam --classifier resnet50 -o cam.onnx
      whyframe export --explainer auto --classifier my_model.py:build -o model.onnx
      whyframe export runs/labels --threshold '{"person": 0.4, "dog": 0.6}'
      whyframe run clip.mp4 --model model.onnx

    Exit status:
      0    the file agrees with PyTorch and was written
      1    an error, and nothing was written
      2    a usage error, such as an unknown option
      130  Ctrl-C
    """
    from whyframe_export.onnx_export import check_output, open_source, write_fused_model
    from whyframe_export.thresholds import parse_thresholds

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
    if run is not None:
        _check_run_alone(context, run)
    path = check_output(output)
    _announce_code(run if explainer is Explainer.predictor else None, classifier, trust=trust)
    source = open_source(
        run or classifier_spec(classifier, weights, labels, values, activation, taps),
        explainer.value,
        resize=None if run is None else values.resize_fields(),
        batch=batch or None,
        trust=trust,
    )
    source = source.with_thresholds(None if threshold is None else parse_thresholds(threshold))
    typer.echo(f"{source.input_description}\noutputs: {source.classifier.outputs_note}", err=True)
    if explainer is Explainer.auto:
        typer.echo(_choice(source.manifest), err=True)
    report = write_fused_model(source, path, precision=precision.value, progress=True).to_dict()
    typer.echo(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB. Against PyTorch on {report['images']} images: probabilities "
        f"differ by at most {report['largest_probability_difference']:.1e} (from those of the network itself by "
        f"{report['largest_difference_from_own_probabilities']:.1e}), maps by "
        f"{report['largest_saliency_difference']:.1e} (worst: {report['worst']['file']})"
    )


def _announce_code(run: Path | None, classifier: str, *, trust: bool) -> None:
    """Print which Python file the export executes; see `whyframe_training.code_trust`."""
    from whyframe_training.code_trust import announce_code
    from whyframe_training.config import CONFIG, TrainConfig

    name = classifier if run is None else TrainConfig.load(run / CONFIG).classifier.name
    announce_code(name, run=run, trust=trust)


def _choice(manifest: Manifest) -> str:
    """Return what ``--explainer auto`` chose, and why."""
    if manifest.explainer == "cam":
        return "explainer: cam, because the network ends in global average pooling and one linear layer"
    return (
        "explainer: forward, because the network does not end in global average pooling and one linear layer"
    )


def _check_run_alone(context: typer.Context, run: Path) -> None:
    """Refuse options about the classifier beside a run, which has a classifier already."""
    for name in filter(lambda name: is_given(context, name), _SET_BY_RUN):
        option = f"--{name.replace('_', '-')}"
        raise WhyframeError(
            f"{option} goes with --explainer cam, forward or auto: {run} names its classifier; leave it out."
        )
