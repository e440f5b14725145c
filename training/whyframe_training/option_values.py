"""Values of command-line options: the classifier that they describe, and whether an option was given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whyframe.errors import WhyframeError
from whyframe_training.options import Activation

if TYPE_CHECKING:
    from whyframe_training.classifiers.networks import ClassifierSpec


def classifier_spec(
    name: str,
    weights: str,
    labels: Path | None,
    mean: str | None,
    std: str | None,
    side: int | None,
    activation: Activation,
) -> ClassifierSpec:
    """Return the classifier that the values of the options `--classifier` to `--activation` describe.

    Raises:
        WhyframeError: The mean or the standard deviation is not three numbers.
    """
    from whyframe_training.classifiers.networks import ClassifierSpec

    return ClassifierSpec(
        name,
        weights,
        None if labels is None else str(labels),
        parse_rgb("--mean", mean),
        parse_rgb("--std", std),
        side,
        activation.value,
    )


def parse_rgb(option: str, text: str | None) -> tuple[float, float, float] | None:
    """Return the three comma-separated numbers of an option's value; None where it was not given.

    Raises:
        WhyframeError: The text is not three numbers.
    """
    if text is None:
        return None
    try:
        r, g, b = (float(part) for part in text.split(","))
    except ValueError as error:
        raise WhyframeError(
            f"{option} takes three numbers such as 0.485,0.456,0.406, got {text!r}"
        ) from error
    return r, g, b


def renamed_value(context: typer.Context, former: str, name: str) -> float:
    """Return the value of an option that may have been given under its former name, which prints a warning.

    Args:
        context: Context of the command.
        former: Former parameter name.
        name: Present parameter name.

    Raises:
        WhyframeError: Both were given.
    """
    value = context.params[former]
    if value is None:
        return context.params[name]
    option = f"--{name.replace('_', '-')}"
    if is_given(context, name):
        raise WhyframeError(f"--{former} is the former name of {option}: give {option} alone")
    typer.echo(f"DeprecationWarning: --{former} is now {option}; use the new name", err=True)
    return value


def is_given(context: typer.Context, name: str) -> bool:
    """Return whether a parameter was given on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
