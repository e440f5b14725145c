"""The command `whyframe train`. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whyframe.errors import WhyframeError
from whyframe_training import input_options, options
from whyframe_training.option_values import InputValues, classifier_spec, is_given, renamed_value
from whyframe_training.options import ControllerName, Precision

if TYPE_CHECKING:
    from whyframe_training.config import TrainConfig
    from whyframe_training.training_run import TrainingRun

_SET_BY_PRESET = ("controller", "eta", "h", "cam_weight", "controller_jitter", "anchor", "spread")


def train(
    context: typer.Context,
    data: options.DataOption,
    output: options.RunOption,
    classifier: options.ClassifierOption = "efficientnet_lite0",
    weights: options.WeightsOption = "pretrained",
    labels: options.LabelsOption = None,
    activation: options.ActivationOption = options.Activation.auto,
    taps: options.TapsOption = None,
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
    preset: options.PresetOption = None,
    controller: options.ControllerOption = ControllerName.ct,
    eta: options.EtaOption = 1.5,
    h: options.HOption = 2.5,
    generator: options.GeneratorOption = None,
    cam_weight: options.CamWeightOption = 0.3,  # noqa: ARG001 - read by renamed_value
    controller_jitter: options.JitterOption = 4.0,  # noqa: ARG001
    start_from: options.StartOption = None,
    epochs: options.EpochsOption = 60,
    batch: options.BatchOption = 32,
    learning_rate: options.LearningRateOption = 4e-3,
    validation: options.ValidationOption = None,
    seed: options.SeedOption = 0,
    precision: options.PrecisionOption = Precision.bf16,
    joint: options.JointOption = False,
    classes: options.ClassesOption = None,
    trust: options.TrustOption = False,
    anchor: options.FormerCamWeightOption = None,  # noqa: ARG001
    spread: options.FormerJitterOption = None,  # noqa: ARG001
) -> None:
    """Train a mask predictor for a classifier, from a folder of images.

    The predictor reads the classifier's features and learns which pixels
    preserve its answer. The images need no labels, and the classifier is not
    changed (except with --joint). A GPU is used if there is one.

    Examples:
      whyframe train --data photos -o runs/lite0
      whyframe train --data photos --classifier resnet50 -o runs/resnet50
      whyframe train --data photos --classifier my_model.py:build \\
          --weights w.pt --labels labels.txt -o runs/mine
      whyframe train --data photos --classifier my_model.py:build \\
          --shorter-side 256 --interpolation bicubic -o runs/mine
      whyframe train --data photos --joint --classes labels.csv -o runs/pair

    Then make one ONNX file of classifier and predictor, and use it:
      whyframe export runs/lite0 -o model.onnx
      whyframe run clip.mp4 --model model.onnx

    Files in the run folder:
      config.json        settings
      checkpoint.pt      weights and state; written every 100 steps
      log.jsonl          loss and images per second, every 10 steps
      contact_sheet.png  masks of 8 validation images during the training
      validation.json    faithfulness, beside the class activation map

    Exit status:
      0    the training is complete, and validated
      1    an error; the same command continues from the last checkpoint
      2    a usage error, such as an unknown option
      130  Ctrl-C; the same command continues from the last checkpoint
    """  # noqa: D301 - the escaped backslash is part of an example
    from whyframe_training.code_trust import announce_code
    from whyframe_training.config import TrainConfig
    from whyframe_training.predictor.generators import default_generator
    from whyframe_training.presets import find_preset

    if preset is not None:
        _check_preset_alone(context, preset)
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
    config = TrainConfig(
        classifier=classifier_spec(classifier, weights, labels, values, activation, taps),
        generator=default_generator(classifier, None if generator is None else generator.value),
        controller={"name": "ct", "eta": eta, "h": h} if controller is ControllerName.ct else {"name": "bt"},
        data=str(data), validation=validation, epochs=epochs, batch=batch, learning_rate=learning_rate, seed=seed,
        cam_weight=renamed_value(context, "anchor", "cam_weight"),
        controller_jitter=renamed_value(context, "spread", "controller_jitter"),
        start_from=None if start_from is None else str(start_from), precision=precision.value,
    )  # fmt: skip
    if preset is not None:
        config = find_preset(preset).apply(config)
    announce_code(classifier, trust=trust)
    run = _open(config, output, classes, joint=joint)
    typer.echo(run.describe(), err=True)
    duration = run.estimate()
    if duration is not None:
        typer.echo(f"training takes {duration}, then the validation", err=True)
    typer.echo(run.train(progress=True), err=True)
    typer.echo(f"done: whyframe export {output} -o model.onnx")


def _check_preset_alone(context: typer.Context, preset: str) -> None:
    """Refuse options that the preset would override."""
    for name in filter(lambda name: is_given(context, name), _SET_BY_PRESET):
        option = f"--{name.replace('_', '-')}"
        raise WhyframeError(
            f"{option} cannot be given with --preset: {preset} sets it; leave out one of the two"
        )


def _open(config: TrainConfig, output: Path, classes: Path | None, *, joint: bool) -> TrainingRun:
    if joint:
        from whyframe_training.joint.joint_run import JointRun

        return JointRun(config, classes, output)
    from whyframe_training.training_run import TrainingRun

    if classes is not None:
        raise WhyframeError("--classes needs --joint: a mask predictor alone is trained without labels")
    return TrainingRun(config, output)
