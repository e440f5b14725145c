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

__all__ = ["IMAGE_SUFFIXES", "quiet_opencv", "write_image"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Suffixes of the image formats that are read and written."""


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
    try:
        with quiet_opencv():
            encoded, data = cv2.imencode(path.suffix, image)
    except cv2.error:
        encoded = False
    if not encoded:  # depending on its version, OpenCV raises an error or returns False
        raise OutputError(f"the image is too large for the format of {path}; write it as .png.")
    return atomic_write(path, data.tobytes())
