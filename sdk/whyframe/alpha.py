"""Images with alpha: composed on a matte, and with premultiplied colours, as Pillow resizes them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.image_options import ImageOptions

__all__ = ["compose", "premultiply", "unpremultiply"]

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


def compose(pixels: Image, options: ImageOptions, color: str = "bgr") -> Image:
    """Compose an image with alpha on the matte, as a viewer shows it.

    Args:
        pixels: H x W x 4 uint8, the colours (not multiplied by alpha) in the order of ``color``, then alpha.
        options: The matte.
        color: ``"bgr"`` or ``"rgb"``.

    Returns:
        H x W x 3 uint8 in the order of ``color``.
    """
    matte = np.array(options.rgb, np.uint32)[:: 1 if color == "rgb" else -1]
    result = pixels[..., :3].copy()
    rows = max(1, 1_000_000 // max(1, pixels.shape[1]))  # bounds the memory of the products
    for top in range(0, len(pixels), rows):
        alpha = pixels[top : top + rows, :, 3:].astype(np.uint32)
        if alpha.min(initial=255) < 255:
            part = result[top : top + rows]
            part[:] = (part * alpha + matte * (255 - alpha) + 127) // 255
    return result
