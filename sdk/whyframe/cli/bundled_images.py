"""Example images that are part of the package."""

from __future__ import annotations

from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["CAT", "COFFEE", "read_bundled_image"]

COFFEE, CAT = "coffee.jpg", "cat.jpg"


def read_bundled_image(name: str) -> NDArray[np.uint8]:
    """Read a bundled image.

    Args:
        name: File name of the image: COFFEE or CAT.

    Returns:
        H x W x 3 uint8 BGR.
    """
    # Decoded from bytes, because the package may be imported from a zip archive.
    data = resources.files("whyframe").joinpath("assets").joinpath(name).read_bytes()
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]
