"""The pictures that come with the package."""

from __future__ import annotations

from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["CAT", "COFFEE", "read_picture"]

COFFEE, CAT = "coffee.jpg", "cat.jpg"


def read_picture(name: str) -> NDArray[np.uint8]:
    """A bundled picture as H x W x 3 uint8 BGR (read as bytes: the package may lie inside an archive)."""
    data = resources.files("whyframe").joinpath("assets").joinpath(name).read_bytes()
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]
