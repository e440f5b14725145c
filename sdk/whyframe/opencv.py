"""Image files written by OpenCV, and suppression of the messages that it prints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OutputError
from whyframe.files import atomic_write

__all__ = ["IMAGE_SUFFIXES", "check_image_size", "quiet_opencv", "write_image"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Suffixes of the image formats that are written; see `whyframe.images.READ_SUFFIXES`."""

_LONGEST_SIDES = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500, ".gif": 65_535}
"""Largest width and height in pixels, by suffix; libjpeg writes 65,500."""


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Suppress the messages of OpenCV and FFmpeg on stderr: whyframe raises or reports every failure itself."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once by OpenCV; -8 is AV_LOG_QUIET
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def check_image_size(path: Path, width: int, height: int) -> None:
    """Check that the format of a file holds an image of a size, before anything is computed.

    Args:
        path: The file to write. Its suffix chooses the format.
        width: Width in pixels.
        height: Height in pixels.

    Raises:
        OutputError: The image is too large for the format.
    """
    limit = _LONGEST_SIDES.get(path.suffix.lower())
    if limit is not None and max(width, height) > limit:
        raise OutputError(
            f"{path} cannot hold {width} x {height} pixels: {path.suffix} ends at {limit} pixels a side; "
            "write it as .png."
        )


def write_image(path: Path, image: NDArray[np.uint8]) -> Path:
    """Write an image file; after an error no partial file is left.

    Args:
        path: The file to write. Its suffix chooses the format.
        image: H x W x 3 uint8 BGR.

    Returns:
        The path written.

    Raises:
        OutputError: The image is too large for the format, or the file cannot be written.
    """
    check_image_size(path, image.shape[1], image.shape[0])
    try:
        with quiet_opencv():
            encoded, data = cv2.imencode(path.suffix, image)
    except cv2.error:
        encoded = False
    if not encoded:  # depending on its version, OpenCV raises an error or returns False
        raise OutputError(f"the image is too large for the format of {path}; write it as .png.")
    return atomic_write(path, data.tobytes())
