"""Values of command-line options: the classifier that they describe, and whether an option was given."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import typer

from whyframe.errors import WhyframeError
from whyframe.input_spec import COLORS
from whyframe_training.input_options import Channels, Color, CropOffset, Interpolation, Resize
from whyframe_training.options import Activation

if TYPE_CHECKING:
    from whyframe_training.classifiers.networks import ClassifierSpec

Number = TypeVar("Number", int, float)

SMALLEST_SIDE, LARGEST_SIDE = 8, 8192
INPUT_OPTIONS = ("side", "channels", "color", "mean", "std")
RESIZE_OPTIONS = (
    "resize",
    "shorter_side",
    "interpolation",
    "antialias",
    "fill",
    "premultiplied",
    "crop_offset",
)


class InputValues(NamedTuple):
    """Values of the options on the classifier's input, as they were given; None where one was not.

    Attributes:
        side: Value of `--side`.
        channels: Value of `--channels`.
        color: Value of `--color`.
        mean: Value of `--mean`.
        std: Value of `--std`.
        resize: Value of `--resize`.
        shorter_side: Value of `--shorter-side`.
        interpolation: Value of `--interpolation`.
        antialias: Value of `--antialias` or `--no-antialias`.
        fill: Value of `--fill`.
        premultiplied: Value of `--premultiplied` or `--no-premultiplied`.
        crop_offset: Value of `--crop-offset`.
    """

    side: str | None = None
    channels: Channels | None = None
    color: Color | None = None
    mean: str | None = None
    std: str | None = None
    resize: Resize | None = None
    shorter_side: int | None = None
    interpolation: Interpolation | None = None
    antialias: bool | None = None
    fill: str | None = None
    premultiplied: bool | None = None
    crop_offset: CropOffset | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields of a `ClassifierSpec` that describe its input.

        Raises:
            WhyframeError: A value cannot be used.
        """
        channels = self.channel_count()
        return {
            "side": parse_side(self.side),
            "channels": channels,
            "color": None if self.color is None else self.color.value,
            "mean": _parse_normalisation("--mean", self.mean, channels),
            "std": _parse_normalisation("--std", self.std, channels),
            "resize": self.resize_fields(),
        }

    def channel_count(self) -> int | None:
        """Return the number of channels, which the order of the channels implies; None where neither was given.

        Raises:
            WhyframeError: The order has another number of channels.
        """
        given = None if self.channels is None else int(self.channels.value)
        if self.color is None:
            return given
        implied = next(count for count, names in COLORS.items() if self.color.value in names)
        if given not in (None, implied):
            raise WhyframeError(
                f"--color {self.color.value} has {implied} channel{'s' * (implied > 1)}, not {given}: leave out "
                f"--channels, or give --color {' or '.join(COLORS[given or implied])}"
            )
        return implied

    def resize_fields(self) -> dict[str, Any]:
        """Return the fields of a `ResizeRule` that were given.

        Raises:
            WhyframeError: A value cannot be used, or the options do not go together.
        """
        if self.shorter_side is not None and self.resize not in (None, Resize.crop, Resize.squash):
            raise WhyframeError(
                f"--shorter-side goes with --resize crop or squash, not {self.resize.value}: leave out one of the two"
            )
        given = {
            "mode": None if self.resize is None else self.resize.value,
            "shorter_side": self.shorter_side,
            "interpolation": None if self.interpolation is None else self.interpolation.value,
            "antialias": self.antialias,
            "fill": _parse_fill(self.fill),
            "premultiplied": self.premultiplied,
            "offset": None if self.crop_offset is None else self.crop_offset.value,
        }
        return {name: value for name, value in given.items() if value is not None}


def classifier_spec(
    name: str,
    weights: str,
    labels: Path | None,
    values: InputValues,
    activation: Activation,
    taps: str | None = None,
) -> ClassifierSpec:
    """Return the classifier that the values of the options on the classifier describe.

    Raises:
        WhyframeError: A value cannot be used.
    """
    from whyframe_training.classifiers.networks import ClassifierSpec

    return ClassifierSpec(
        name,
        weights,
        None if labels is None else str(labels),
        activation=activation.value,
        taps=None if taps is None else tuple(part.strip() for part in taps.split(",") if part.strip()),
        **values.fields(),
    )


def parse_side(text: str | None) -> int | tuple[int, int] | None:
    """Return the side of a square, or height and width, that an option's value such as `224` or `224x320` names.

    Raises:
        WhyframeError: The text is neither, or a size is out of range.
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,6})(?:\s*[xX]\s*(\d{1,6}))?\s*", text)
    sizes = [int(size) for size in match.groups() if size] if match else []
    if not sizes or not all(SMALLEST_SIDE <= size <= LARGEST_SIDE for size in sizes):
        raise WhyframeError(
            f"--side takes {SMALLEST_SIDE} to {LARGEST_SIDE} pixels such as 224, or a height and a width such as "
            f"224x320, got {text!r}"
        )
    return sizes[0] if len(sizes) == 1 or sizes[0] == sizes[1] else (sizes[0], sizes[1])


def _parse_normalisation(option: str, text: str | None, channels: int | None) -> tuple[float, ...] | None:
    """Return the numbers of `--mean` or `--std`, one for each channel; None where it was not given."""
    numbers = _parse_numbers(text, float)
    if text is None or (numbers and len(numbers) in _counts(channels) and all(map(math.isfinite, numbers))):
        _check_scale(option, numbers or ())
        return numbers
    what = "1, 3 or 4 numbers" if channels is None else f"{channels} number{'s' * (channels > 1)}"
    example = {1: "0.5", 4: "0.5,0.5,0.5,0.5"}.get(channels or 3, "0.485,0.456,0.406")
    raise WhyframeError(f"{option} takes {what} such as {example}, got {text!r}")


def _counts(channels: int | None) -> tuple[int, ...]:
    return tuple(COLORS) if channels is None else (channels,)


def _check_scale(option: str, numbers: tuple[float, ...]) -> None:
    """Refuse numbers that belong to values from 0 to 255, and deviations that are not positive."""
    if option == "--std" and min(numbers, default=1.0) <= 0:
        raise WhyframeError(f"--std takes positive numbers, got {','.join(map(str, numbers))}")
    if max(numbers, default=0.0) > (1 if option == "--mean" else 10):
        raise WhyframeError(
            f"{option} is that of values in [0, 1], got {','.join(map(str, numbers))}: divide what belongs to values "
            "from 0 to 255 by 255"
        )


def _parse_fill(text: str | None) -> tuple[int, ...] | None:
    numbers = _parse_numbers(text, int)
    if text is None or (numbers and len(numbers) == 3 and all(0 <= number <= 255 for number in numbers)):
        return numbers
    raise WhyframeError(f"--fill takes three whole numbers from 0 to 255 such as 114,114,114, got {text!r}")


def _parse_numbers(text: str | None, kind: Callable[[str], Number]) -> tuple[Number, ...] | None:
    """Return the comma-separated numbers of a text; None where it is None or holds something else."""
    try:
        return None if text is None else tuple(kind(part) for part in text.split(","))
    except ValueError:
        return None


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
