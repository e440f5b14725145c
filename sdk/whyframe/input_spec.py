"""Everything that a classifier expects of its input: size, channels, colour order, normalisation, resize rule."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whyframe.errors import OptionError, one_line
from whyframe.resize_rule import Placement, ResizeRule

__all__ = ["COLORS", "IMAGENET_MEAN", "IMAGENET_STD", "InputSpec"]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COLORS = {1: ("grey",), 3: ("rgb", "bgr"), 4: ("rgba", "bgra")}
"""Orders in which a network can take its channels, by their number."""

_LARGEST = 1 << 14  # pixels of a side


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """The input of a classifier.

    Attributes:
        height: Height H, in pixels.
        width: Width W, in pixels.
        channels: Number of channels C: 1 (grey), 3 or 4 (with alpha).
        color: Order in which the network takes the channels, see `COLORS`. The graph's ``frames`` are always RGB,
            RGBA or grey.
        mean: C means that the network subtracts from values in [0, 1], in the order of the frame (R, G, B, alpha).
            Empty where they are not recorded (manifests of schema 1).
        std: C standard deviations that the network divides by, in the order of the frame; empty where they are not
            recorded.
        resize: How a frame becomes H x W.
    """

    height: int = 224
    width: int = 224
    channels: int = 3
    color: str = "rgb"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    resize: ResizeRule = field(default_factory=ResizeRule)

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        for name in ("height", "width"):
            size = getattr(self, name)
            if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= _LARGEST:
                raise OptionError(f"the input's {name} is {size!r:.40}; give 1 to {_LARGEST:,} pixels.")
        if not isinstance(self.channels, int) or self.color not in COLORS.get(self.channels, ()):
            known = "; ".join(f"{count} ({' or '.join(names)})" for count, names in COLORS.items())
            raise OptionError(
                f"an input of {self.channels} channels in the order {self.color!r} is unknown; give {known}."
            )
        for name in ("mean", "std"):
            self._check_numbers(name, getattr(self, name))

    def _check_numbers(self, name: str, values: tuple[float, ...]) -> None:
        if values and len(values) != self.channels:
            raise OptionError(
                f"the {name} has {len(values)} numbers and the input {self.channels} channels; give {self.channels}."
            )
        if not all(map(math.isfinite, values)):
            raise OptionError(f"the {name} is {values}; give numbers that are finite.")
        if name == "std" and not all(value > 0 for value in values):
            raise OptionError(f"the std is {values}; give positive numbers.")

    @classmethod
    def square(cls, side: int, **values: Any) -> InputSpec:
        """Return a square input.

        Args:
            side: Height and width, in pixels.
            values: Other attributes.
        """
        return cls(height=side, width=side, **values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InputSpec:
        """Return the input of JSON values; the inverse of `to_dict`.

        Raises:
            OptionError: A value is missing, unknown or out of range.
        """
        try:
            rule = ResizeRule.from_value(values["resize"])
            if (
                "premultiplied" not in values["resize"]
            ):  # four channels were resized alike before the field existed
                rule = dataclasses.replace(rule, premultiplied=values.get("channels", 3) != 4)
            return cls(**{**values, "resize": rule})
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise OptionError(
                f"the description of the input is malformed ({one_line(error)}); export the model again."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as JSON values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**values, "mean": list(self.mean), "std": list(self.std), "resize": self.resize.to_dict()}

    def weights_by_alpha(self, place: Placement) -> bool:
        """Return whether colours are weighted by alpha: where the rule says so, and the frame is not merely cropped.

        Args:
            place: Geometry of the frame under the resize rule.
        """
        resized = (place.height, place.width) != (self.height, self.width)
        return resized and self.resize.weights_by_alpha(self.channels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and number of channels."""
        return self.height, self.width, self.channels

    def __str__(self) -> str:
        """Return the input in words, for example ``224 x 224 rgb, stretch, fast``."""
        alpha = ", colours weighted by alpha" if self.resize.weights_by_alpha(self.channels) else ""
        return f"{self.height} x {self.width} {self.color}, {self.resize}{alpha}"
