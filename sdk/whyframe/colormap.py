"""Colour maps, and the blending of a frame with the colours of its scores."""

from __future__ import annotations

from functools import lru_cache
from numbers import Real

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OptionError

__all__ = ["COLORMAP", "OPACITY", "blend", "blend_tables", "check_blending"]

COLORMAP = "turbo"
"""Name of the default colour map."""

OPACITY = 0.75
"""Default opacity of the map where the score is 1, in [0, 1]."""

_PREFIX = "COLORMAP_"
_COLORMAPS = {
    name.removeprefix(_PREFIX).lower(): getattr(cv2, name) for name in dir(cv2) if name.startswith(_PREFIX)
}

Image = NDArray[np.uint8]


def blend(frame: Image, saliency: NDArray[np.float32], colours: Image, keep: Image) -> Image:
    """Mix each pixel of a frame with the colour of its score, in 8-bit arithmetic.

    Args:
        frame: H x W x 3 uint8 BGR.
        saliency: H x W float32 scores in [0, 1].
        colours: 256 x 1 x 3 uint8 table: what is added to the frame at each 8-bit score.
        keep: 256 x 1 x 3 uint8 table: the share of the frame that is kept at each 8-bit score, in 255ths.

    Returns:
        A new H x W x 3 uint8 BGR array.
    """
    scores = cv2.convertScaleAbs(saliency, alpha=255)
    kept = cv2.multiply(frame, cv2.applyColorMap(scores, keep), scale=1 / 255)
    return cv2.add(kept, cv2.applyColorMap(scores, colours))  # type: ignore[return-value]


@lru_cache(maxsize=256)
def blend_tables(colormap: str = COLORMAP, opacity: float = OPACITY) -> tuple[Image, Image]:
    """Return the two tables of `blend` for a map whose opacity grows linearly with the score.

    Args:
        colormap: Name of one of OpenCV's colour maps in lower case, for example ``"turbo"`` or ``"viridis"``.
        opacity: Opacity at score 1, in [0, 1].

    Returns:
        ``colours`` and ``keep``, each 256 x 1 x 3 uint8; do not write to them.
    """
    score = np.arange(256, dtype=np.uint8)[:, None]
    opacities = (opacity * score / 255)[..., None]
    colours = cv2.applyColorMap(score, _COLORMAPS[colormap]) * opacities
    keep = np.broadcast_to(255 * (1 - opacities), colours.shape)
    return np.rint(colours).astype(np.uint8), np.floor(keep).astype(np.uint8)


def check_blending(colormap: str, opacity: float) -> None:
    """Check the options of a drawing.

    Args:
        colormap: Name of one of OpenCV's colour maps in lower case.
        opacity: Greatest opacity of the map, in [0, 1].

    Raises:
        OptionError: There is no such colour map, or the opacity is not a number in [0, 1].
    """
    if colormap not in tuple(_COLORMAPS):
        known = ", ".join(sorted(_COLORMAPS))
        raise OptionError(f"colormap is {colormap!r}; give one of {known}.")
    if not isinstance(opacity, Real) or not 0 <= opacity <= 1:
        raise OptionError(f"opacity is {opacity!r}; give a number from 0 to 1.")
