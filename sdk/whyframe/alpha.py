"""Colours weighted by alpha (premultiplied), as Pillow resizes images of four channels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["premultiply", "unpremultiply"]

Image = NDArray[np.uint8]


def premultiply(image: Image) -> Image:
    """Return an image whose colours are multiplied by alpha / 255 and rounded, as Pillow's mode ``RGBa``.

    Args:
        image: H x W x 4 uint8, with alpha last.
    """
    image = np.ascontiguousarray(image)  # OpenCV takes no negative strides
    alpha = np.ascontiguousarray(image[..., 3])
    weights = cv2.merge([alpha, alpha, alpha, np.full_like(alpha, 255)])
    return cv2.multiply(image, weights, scale=1 / 255)  # type: ignore[return-value]


def unpremultiply(image: Image) -> Image:
    """Return an image whose colours are divided by alpha / 255, rounded down; the inverse of `premultiply`.

    Args:
        image: H x W x 4 uint8, with alpha last. Colours without alpha are kept.
    """
    colours, alpha = image[..., :3].astype(np.uint16), image[..., 3:].astype(np.uint16)
    divided = np.minimum(255 * colours // np.maximum(alpha, 1), 255)
    return np.concatenate([np.where(alpha == 0, colours, divided), alpha], axis=-1).astype(np.uint8)
