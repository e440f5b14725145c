"""Types and bounds of the settings in a run folder, which may be damaged or written by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar

import msgspec

__all__ = ["check_settings", "converted"]

_LARGEST_WIDTH, _MOST_WIDTHS = 8192, 16

Type = TypeVar("Type")


def converted(values: Mapping[str, Any], kind: type[Type]) -> Type:
    """Return the dataclass of JSON values.

    Args:
        values: The values by field.
        kind: The dataclass.

    Raises:
        ValueError: A value has another type, a field is missing, or there is no such field.
    """
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"there is no setting {unknown[0]!r:.80}")
    return msgspec.convert(values, kind)


def check_settings(settings: Any) -> None:
    """Raise an error where a setting of a run is out of its bounds.

    Args:
        settings: The `TrainConfig`.

    Raises:
        ValueError: The message names the setting.
    """
    for name, fits, wanted in _RULES:
        value = getattr(settings, name)
        if not fits(value):
            raise ValueError(f"{name} is {value!r:.80}, not {wanted}")
    for name, value in vars(settings.objective).items():
        if not isfinite(value):
            raise ValueError(f"the weight {name} of the objective is not finite")


def _within(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: low <= value <= high  # False for nan


def _is_generator(value: Mapping[str, Any]) -> bool:
    widths = value.get("widths")
    return isinstance(value.get("name"), str) and (
        isinstance(widths, list)
        and 0 < len(widths) <= _MOST_WIDTHS
        and all(type(width) is int and 0 < width <= _LARGEST_WIDTH for width in widths)
    )


def _is_controller(value: Mapping[str, Any]) -> bool:
    numbers = [item for key, item in value.items() if key != "name"]
    return isinstance(value.get("name"), str) and all(
        type(n) in (int, float) and isfinite(n) for n in numbers
    )


_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("generator", _is_generator, f"a name with widths from 1 to {_LARGEST_WIDTH}"),
    ("controller", _is_controller, "a name with numbers"),
    ("validation", lambda v: v is None or 0 <= v <= 1e9, "a number of images"),
    ("epochs", _within(0, 1e6), "a number from 0 to 1,000,000"),
    ("filter_steps", _within(0, 1e9), "a number of steps"),
    ("batch", _within(1, 65536), "a number from 1 to 65,536"),
    ("learning_rate", _within(0, 1e3), "a number from 0 to 1,000"),
    ("predicted_share", _within(0, 1), "a number from 0 to 1"),
    ("cam_weight", _within(-1e6, 1e6), "a number"),
    ("controller_jitter", _within(0, 1e6), "a number"),
    ("seed", _within(-(1 << 62), 1 << 62), "a whole number"),
    ("precision", lambda v: v in ("bf16", "fp32"), "'bf16' or 'fp32'"),
)
