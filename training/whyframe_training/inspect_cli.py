"""The command `whyframe inspect`. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyframe.files import json_text
from whyframe_training import input_options, options
from whyframe_training.option_values import InputValues, classifier_spec

if TYPE_CHECKING:
    from rich.table import Table


def inspect(
    classifier: Annotated[
        str,
        typer.Argument(
            metavar="CLASSIFIER", help="Name of the network, as --classifier of 'whyframe train'."
        ),
    ],
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
    generator: options.GeneratorOption = None,
    trust: options.TrustOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on stdout, for other programs.")
    ] = False,
) -> None:
    """Show what is found in a classifier, and what each explainer would cost.

    The network is built and run a few times on images of noise; nothing is
    trained or written. Costs are multiply-adds of one image, beside those of
    the classifier alone.

    Fields of --json:
      classifier     name
      input          size, channels, normalisation, resize rule
      outputs        meaning of the outputs; whether classes are exclusive
      classes        number of classes
      labels_from    where the labels are stated, or that they are assumed
      taps           modules whose outputs are the features, fine to coarse:
                     layout (nchw, nhwc or tokens), prefix (class and register
                     tokens), height, width, channels, strides
      head           linear layer after global average pooling, or null
      parameters     number of parameters of the classifier
      multiply_adds  of the classifier, for one image
      explainers     predictor, cam, forward: mask size, extra parameters,
                     multiply-adds and relative cost, or why it is not usable

    Examples:
      whyframe inspect resnet50
      whyframe inspect my_model.py:build --weights w.pt --labels labels.txt
      whyframe inspect my_model.py:build --taps blocks.3,blocks.7,norm
      whyframe inspect efficientnet_lite0 --json

    Exit status:
      0    the classifier can be explained
      1    an error: it cannot be built, or has no spatial features
      2    a usage error, such as an unknown option
      130  Ctrl-C
    """
    from whyframe_training.classifiers.classifier import build_classifier
    from whyframe_training.classifiers.input_description import describe_input
    from whyframe_training.code_trust import announce_code
    from whyframe_training.inspection import inspect_classifier

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
    spec = classifier_spec(classifier, weights, labels, values, activation, taps)
    announce_code(classifier, trust=trust)
    built = build_classifier(spec)
    facts = inspect_classifier(built, None if generator is None else generator.value)
    if as_json:
        typer.echo(json_text(facts))
        return
    typer.echo(describe_input(spec, built))
    _print(facts)


def _print(facts: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    head = facts["head"]
    weights = (
        f"{head['name']}, class weights {head['class_weights'][0]} x {head['class_weights'][1]}"
        if head
        else "none: the network does not end in one linear layer and global average pooling"
    )
    kind = "exclusive" if facts["outputs"]["exclusive"] else "independent"
    for name, text in (
        ("outputs", f"{facts['classes']} {kind} classes; {facts['outputs']['meaning']}"),
        ("head", weights),
        ("size", f"{facts['parameters']:,} parameters, {facts['multiply_adds']:,} multiply-adds"),
    ):
        console.print(f"{name}: {text}", soft_wrap=True)
    console.print(_tap_table(facts["taps"]))
    console.print(_explainer_table(facts["explainers"]))
    for name, explainer in facts["explainers"].items():
        if not explainer["usable"]:
            console.print(f"{name}: {explainer['reason']}", soft_wrap=True)


def _tap_table(taps: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table("features", "layout", "grid", "channels", "stride", title_justify="left")
    for tap in taps:
        prefix = f", {tap['prefix']} before" if tap["prefix"] else ""
        strides = " x ".join(f"{stride:g}" for stride in dict.fromkeys(tap["strides"]))
        grid = f"{tap['height']} x {tap['width']}"
        table.add_row(tap["name"], f"{tap['layout']}{prefix}", grid, str(tap["channels"]), strides)
    return table


def _explainer_table(explainers: dict[str, dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table("explainer", "mask", "parameters", "multiply-adds", "of the classifier's")
    for name, explainer in explainers.items():
        if not explainer["usable"]:
            table.add_row(name, "-", "-", "-", "not usable")
            continue
        mask, cost = explainer["mask"], explainer["relative_cost"]
        relative = "-" if cost is None else f"{100 * cost:.3g} %" if cost == 0 or cost >= 1e-4 else "< 0.01 %"
        operations = f"{explainer['multiply_adds']:,}"
        table.add_row(name, f"{mask[0]} x {mask[1]}", f"{explainer['parameters']:,}", operations, relative)
    return table
