"""Display matrices of videos: rotation and mirroring that a player applies to the decoded frames."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Upright", "upright"]

Upright = Callable[[Any], Any]
"""Function from a decoded image to the image as it is displayed, both H x W x 3 uint8."""


def upright(matrix: bytes) -> Upright | None:
    """Return the function that applies a display matrix, by the rules of ffmpeg's ``-autorotate``.

    Args:
        matrix: Nine int32 in native byte order, as FFmpeg keeps them beside a frame.

    Returns:
        The function; None where the image is displayed as it is stored.
    """
    a, b, _, c, d = struct.unpack("=9i", matrix[:36])[:5]
    columns = math.hypot(a, c), math.hypot(b, d)
    if 0 in columns:
        return None
    angle = round(math.degrees(math.atan2(b / columns[1], a / columns[0]))) % 360
    if angle in (89, 90, 91):
        return _transpose if c > 0 else _turn(cv2.ROTATE_90_CLOCKWISE)
    if angle in (269, 270, 271):
        return _transpose_other if c < 0 else _turn(cv2.ROTATE_90_COUNTERCLOCKWISE)
    if angle in (179, 180, 181):
        return _mirror(left_right=a < 0, upside_down=d < 0)
    if angle in (359, 0, 1):
        return _mirror(left_right=False, upside_down=d < 0)
    return _rotate(angle)


def _turn(quarter: int) -> Upright:
    return lambda image: cv2.rotate(image, quarter)


def _transpose(image: NDArray[np.uint8]) -> Any:
    return cv2.transpose(image)


def _transpose_other(image: NDArray[np.uint8]) -> Any:
    """Mirror an image at its other diagonal."""
    return cv2.rotate(cv2.transpose(image), cv2.ROTATE_180)


def _mirror(*, left_right: bool, upside_down: bool) -> Upright | None:
    if not left_right and not upside_down:
        return None
    code = -1 if left_right and upside_down else int(left_right)
    return lambda image: cv2.flip(image, code)


def _rotate(degrees: float) -> Upright:
    """Return a clockwise rotation about the centre, which keeps the size and leaves black corners."""

    def rotate(image: NDArray[np.uint8]) -> Any:
        height, width = image.shape[:2]
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1)
        return cv2.warpAffine(image, turn, (width, height))

    return rotate
