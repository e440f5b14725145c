"""Drawing a saliency map and a caption on a frame.

The drawing shows how reliable the result is. The opacity of the map grows with the score, so that the background
stays visible, and with the probability of the class, so that the map of an uncertain answer is faint. A map
without signal is not drawn.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.colormap import COLORMAP, OPACITY, blend_tables, check_blending
from whyframe.errors import OptionError
from whyframe.scores import Scores

__all__ = ["draw"]

UNCERTAIN = 0.05
"""Below this probability of the explained class no map is drawn."""

CERTAIN = 0.5
"""From this probability on the map is drawn with its full opacity."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT = 22.0  # pixels of a capital letter at scale 1
_SHORTEST_LABEL = 4  # characters
_MOST_DETAILS = 24
_LONGEST_TEXT = 400  # characters, more than fit in a caption; each shorter text is measured

Image = NDArray[np.uint8]


def draw(
    frame: Image,
    scores: Scores,
    label: str,
    probability: float,
    *,
    colormap: str = COLORMAP,
    opacity: float = OPACITY,
    caption: str | bool = True,
    details: Sequence[str] = (),
) -> Image:
    """Draw a saliency map and a caption on a copy of a frame.

    Args:
        frame: H x W x 3 uint8 BGR, or a frame on the device of the scores.
        scores: The saliency scores of the frame.
        label: Name of the explained class.
        probability: Probability of the explained class, in [0, 1].
        colormap: Name of one of OpenCV's colour maps in lower case.
        opacity: Greatest opacity of the map, in [0, 1].
        caption: True for the label and the probability; False for no caption; or the text to write. Where no map
            is drawn, the caption also states the reason.
        details: Texts that follow the caption where it is True, in lines of their own, such as the other labels of a
            multi-label model. Those for which there is no space are counted.

    Returns:
        A new H x W x 3 uint8 BGR array. It has no caption where the frame is too small for readable text.

    Raises:
        OptionError: A keyword has a value that is not accepted.
    """
    check_blending(colormap, opacity)
    if not isinstance(caption, (bool, str)):
        raise OptionError(f"caption is {caption!r}; give True, False or a text.")
    reason = _reason_for_no_map(scores, probability)
    if reason:
        image = np.array(frame)
    else:
        fade = round(_fade(probability) * 255)  # 8 bits, so that few tables are computed
        image = scores.blend(frame, *blend_tables(colormap, float(opacity) * fade / 255))
    if caption is True:
        note = f"{probability:.0%}" + (f", no map: {reason}" if reason else "")
        _write_caption(image, _captions(_printable(label), note), [_printable(text) for text in details])
    elif caption:
        text = _printable(" ".join(caption[: _LONGEST_TEXT + 1].splitlines()))
        _write_caption(image, _captions(text, f"no map: {reason}") if reason else _shortened(text))
    return image


def _reason_for_no_map(scores: Scores, probability: float) -> str:
    """Return why the map is not drawn, or an empty string where it is."""
    if scores.no_signal:
        return "nothing to see"
    return "" if probability >= UNCERTAIN else "too uncertain"


def _fade(probability: float) -> float:
    """Return the factor of the opacity: the square root keeps the map of an uncertain answer visible."""
    return min(1.0, math.sqrt(probability / CERTAIN))


def _write_caption(image: Image, captions: Iterator[str], details: Sequence[str] = ()) -> None:
    """Write the first caption that fits on a darkened bar at the bottom, in place; nothing where none fits.

    The details follow in lines of their own, as long as the bar covers at most a third of the image.
    """
    height, width = image.shape[:2]
    capital = max(9.0, 0.035 * min(height, width))
    bar, margin = round(2 * capital), round(capital / 2)
    scale, thickness = capital / _FONT_HEIGHT, max(1, round(capital / 12))

    def fits(line: str) -> bool:
        return cv2.getTextSize(line, _FONT, scale, thickness)[0][0] <= width - 2 * margin

    line = next(filter(fits, captions), None)
    if line is None or bar > height // 3:
        return
    lines = [line, *_wrapped(details, fits, height // 3 // bar - 1)]
    image[height - bar * len(lines) :] //= 4
    for index, text in enumerate(reversed(lines)):
        place = (margin, height - bar * (index + 1) + round((bar + capital) / 2))
        cv2.putText(image, text, place, _FONT, scale, (255, 255, 255), thickness, cv2.LINE_AA)


def _wrapped(texts: Sequence[str], fits: Callable[[str], bool], most: int) -> list[str]:
    """Return lines with as many texts as fit, separated by commas, and the number of the others.

    Args:
        texts: The texts, each of which stays in one line.
        fits: Function that tells whether a line fits.
        most: Largest number of lines.
    """
    for count in range(min(len(texts), _MOST_DETAILS), -1, -1):
        rest = len(texts) - count
        lines = _filled([*texts[:count], *([f"+{rest} more"] if rest else [])], fits)
        if len(lines) <= most and all(map(fits, lines)):
            return lines
    return []


def _filled(texts: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    """Return lines that are filled with texts one after the other; a line holds one text at least."""
    lines: list[str] = []
    for text in texts:
        if lines and fits(f"{lines[-1]}, {text}"):
            lines[-1] += f", {text}"
        else:
            lines.append(text)
    return lines


def _captions(label: str, note: str) -> Iterator[str]:
    """Yield the caption, then shorter and shorter captions; the note is kept longest."""
    for text in _shortened(label):
        yield f"{text}  {note}"
    yield note
    yield note.partition(",")[0]


def _shortened(text: str) -> Iterator[str]:
    """Yield a text, then the text cut off after fewer and fewer characters, with dots for the rest."""
    if len(text) <= _LONGEST_TEXT:
        yield text
    for length in range(min(len(text) - 1, _LONGEST_TEXT), _SHORTEST_LABEL - 1, -1):
        yield f"{text[:length].rstrip(' ,')}..."


def _printable(text: str) -> str:
    """Return a text in ASCII, all that OpenCV's fonts have: accents are dropped, other letters become '?'."""
    plain = unicodedata.normalize("NFKD", text[: _LONGEST_TEXT + 1])[: 4 * _LONGEST_TEXT]
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return bare.encode("ascii", errors="replace").decode()
