"""Drawing an explanation on its frame.

The drawing claims no more than the result does: the map's opacity grows with the score, so that the
background stays visible, and with the probability of the class, so that an unsure answer looks unsure; a flat
map is not drawn.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from whyframe.explanation import Explanation

__all__ = ["blend", "draw", "heat_tables"]

UNCERTAIN = 0.05
"""Below this probability of the explained class no map is drawn."""

SURE = 0.5
"""From this probability on the map is drawn in full."""

_OPACITY = 0.75
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT = 22.0  # pixels of a capital at scale 1

Image = NDArray[np.uint8]


def draw(explanation: Explanation) -> Image:
    """The frame with its map and a caption.

    Args:
        explanation: What to draw.

    Returns:
        A new H x W x 3 uint8 BGR array. On a frame too small for readable text there is no caption.
    """
    why_not = _why_no_map(explanation)
    note = f"{explanation.probability:.0%}" + (f", no map: {why_not}" if why_not else "")
    if why_not:
        image = np.array(explanation.frame)
    else:
        tables = _tables(round(_fade(explanation.probability) * 255))
        image = explanation.scores.blend(explanation, *tables)
    _write_caption(image, _printable(explanation.label), note)
    return image


def _why_no_map(explanation: Explanation) -> str:
    """Why the map is not worth drawing; empty where it is."""
    if explanation.flat:
        return "nothing to see"
    return "" if explanation.probability >= UNCERTAIN else "too uncertain"


def _fade(probability: float) -> float:
    """Opacity of the map: the square root, so that an unsure answer's map is faint but can be seen."""
    return min(1.0, math.sqrt(probability / SURE))


def blend(frame: Image, saliency: NDArray[np.float32], colours: Image, keep: Image) -> Image:
    """A frame with each pixel mixed with the colour of its score, in 8-bit arithmetic.

    Args:
        frame: H x W x 3 uint8 BGR.
        saliency: H x W scores in [0, 1].
        colours: 256 x 1 x 3 uint8, what is added at each 8-bit score.
        keep: 256 x 1 x 3 uint8, what is kept of the frame, in 255ths.

    Returns:
        A new H x W x 3 uint8 array.
    """
    scores = cv2.convertScaleAbs(saliency, alpha=255)
    kept = cv2.multiply(frame, cv2.applyColorMap(scores, keep), scale=1 / 255)
    return cv2.add(kept, cv2.applyColorMap(scores, colours))  # type: ignore[return-value]


def heat_tables() -> tuple[Image, Image]:
    """The colours and what is kept of the frame, for `blend`, of a map that is drawn in full."""
    return _tables(255)


@lru_cache(maxsize=256)
def _tables(fade: int) -> tuple[Image, Image]:
    """For each 8-bit score: the colour times its opacity, and what is kept of the frame (256 x 1 x 3)."""
    score = np.arange(256, dtype=np.uint8)[:, None]
    opacity = (_OPACITY * fade / 255 * score / 255)[..., None]
    colours = cv2.applyColorMap(score, cv2.COLORMAP_TURBO) * opacity
    keep = np.broadcast_to(255 * (1 - opacity), colours.shape)
    return np.rint(colours).astype(np.uint8), np.floor(keep).astype(np.uint8)


def _write_caption(image: Image, label: str, note: str) -> None:
    """Writes the label and the note on a darkened bar at the bottom, where they fit."""
    height, width = image.shape[:2]
    capital = max(9.0, 0.035 * min(height, width))
    bar, margin = round(2 * capital), round(capital / 2)
    scale, thickness = capital / _FONT_HEIGHT, max(1, round(capital / 12))

    def fits(line: str) -> bool:
        return cv2.getTextSize(line, _FONT, scale, thickness)[0][0] <= width - 2 * margin

    line = next(filter(fits, _captions(label, note)), None)
    if line is not None and bar <= height // 3:
        image[height - bar :] //= 4
        place = (margin, height - bar + round((bar + capital) / 2))
        cv2.putText(image, line, place, _FONT, scale, (255, 255, 255), thickness, cv2.LINE_AA)


def _captions(label: str, note: str) -> Iterator[str]:
    """The caption, then ever shorter ones; the note is kept longest."""
    yield f"{label}  {note}"
    for length in range(len(label) - 1, 3, -1):
        yield f"{label[:length].rstrip(' ,')}...  {note}"
    yield note
    yield note.partition(",")[0]


def _printable(text: str) -> str:
    """The text in ASCII, all that OpenCV's fonts have: accents are dropped, other letters become '?'."""
    plain = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return bare.encode("ascii", errors="replace").decode()
