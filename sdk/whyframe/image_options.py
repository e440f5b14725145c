"""Options of how images are read: the colour behind transparent pixels, and the limit of the size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from whyframe.errors import OptionError, one_line

__all__ = ["MAX_MEGAPIXELS", "MAX_MEGAPIXELS_VARIABLE", "ImageOptions"]

MAX_MEGAPIXELS = 100.0
"""Largest number of millions of pixels of an image, where nothing else is set."""

MAX_MEGAPIXELS_VARIABLE = "WHYFRAME_MAX_MEGAPIXELS"
"""Environment variable that sets another limit."""


@dataclass(frozen=True)
class ImageOptions:
    """How images are read.

    Attributes:
        matte: Colour behind transparent pixels: a name such as ``"white"``, ``"#rrggbb"``, or three integers in
            [0, 255], red first.
        max_megapixels: Largest number of millions of pixels of an image; None for the environment variable
            WHYFRAME_MAX_MEGAPIXELS or, where it is not set, for 100.
        alpha: Whether sources of frames keep the alpha channel, for a model of 4 channels.

    Raises:
        OptionError: The matte is not a colour, or the limit is not a positive number.
    """

    matte: str | tuple[int, int, int] = "white"
    max_megapixels: float | None = None
    alpha: bool = False

    def __post_init__(self) -> None:
        if self.matte != "white":  # the default must not import Pillow
            _ = self.rgb
        if self.max_megapixels is not None:
            _check_limit(self.max_megapixels, "max_megapixels")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The matte as red, green and blue, each in [0, 255]."""
        if not isinstance(self.matte, str):
            values = tuple(int(value) for value in self.matte)
            if len(values) == 3 and all(0 <= value <= 255 for value in values):
                return values  # type: ignore[return-value]
            raise OptionError(f"the matte is {self.matte}; give three integers from 0 to 255, red first.")
        from PIL import ImageColor

        try:
            return ImageColor.getrgb(self.matte)[:3]  # type: ignore[return-value]
        except ValueError as error:
            raise OptionError(
                f"the matte {one_line(self.matte, 40)!r} is not a colour; give a name such as white, or #rrggbb."
            ) from error

    @property
    def pixels(self) -> int:
        """Largest number of pixels of an image."""
        if self.max_megapixels is not None:
            return int(self.max_megapixels * 1e6)
        text = os.environ.get(MAX_MEGAPIXELS_VARIABLE)
        return int(_check_limit(text or MAX_MEGAPIXELS, MAX_MEGAPIXELS_VARIABLE) * 1e6)


def _check_limit(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < 1e9:
        raise OptionError(
            f"{name} is {one_line(str(value), 40)!r}; give millions of pixels as a positive number, such as 100."
        )
    return number
