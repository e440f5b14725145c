"""Pillow, which the runtime does not need: imported where a check compares with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.input_spec import InputSpec
from whyframe.pillow_settings import quiet_pillow
from whyframe.resize_rule import Placement

__all__ = ["NO_PILLOW", "decode", "load_pillow", "open_image", "resize"]

NO_PILLOW = "Pillow is not installed (pip install pillow)"
"""Reason of everything that is not checked without Pillow."""


def load_pillow() -> Any | None:
    """Return the module ``PIL.Image``, or None where Pillow is not installed."""
    try:
        from PIL import Image
    except ImportError:
        return None
    return Image


def open_image(path: Path) -> Any:
    """Return an image file as Pillow opens it: its EXIF orientation is not applied."""
    image = load_pillow()
    assert image is not None
    return image.open(path)


def decode(path: Path, *, upright: bool) -> NDArray[np.uint8]:
    """Decode an image file with Pillow.

    Args:
        path: The image file.
        upright: Rotate the image as its EXIF orientation requires.

    Returns:
        H x W x 3 uint8 BGR.
    """
    from PIL import ImageOps

    with quiet_pillow(), open_image(path) as image:
        turned = ImageOps.exif_transpose(image) if upright else image
        return np.ascontiguousarray(np.asarray(turned.convert("RGB"))[..., ::-1])


def resize(frame: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """Resize a frame with Pillow as the rule of an input says; the fast rule is taken for bilinear.

    Args:
        frame: H x W x 3 uint8 BGR.
        spec: The model's input, of 1 or 3 channels.

    Returns:
        The input's height x width x channels, uint8, RGB or grey.
    """
    module = load_pillow()
    assert module is not None
    image = module.fromarray(np.ascontiguousarray(frame[..., ::-1]))
    image = image.convert("L") if spec.channels == 1 else image
    fill = spec.resize.fill[0] if spec.channels == 1 else spec.resize.fill
    filled = module.new(image.mode, (spec.width, spec.height), fill)
    if spec.resize.shorter_side is None:
        _paste_window(filled, image, spec)
    else:
        _paste_crop(filled, image, spec)
    return np.asarray(filled).reshape(spec.shape)


def _filter(spec: InputSpec) -> Any:
    module = load_pillow()
    assert module is not None
    name = {"fast": "bilinear"}.get(spec.resize.interpolation, spec.resize.interpolation)
    return getattr(module.Resampling, name.upper())


def _paste_crop(filled: Any, image: Any, spec: InputSpec) -> None:
    """Resize the shorter side, then paste the centre of the result, as torchvision does; or squash the image first."""
    aspect = filled.size if spec.resize.mode == "squash" else image.size
    side, short = spec.resize.shorter_side or 0, min(aspect)
    size = [side if n == short else int(side * n / short) for n in aspect]
    excess = [n - m for n, m in zip(size, filled.size, strict=True)]
    halves = [
        (n // 2 if spec.resize.offset == "floor" else round(n / 2)) if n >= 0 else -(-n // 2) for n in excess
    ]
    places = [-half if n >= 0 else half for n, half in zip(excess, halves, strict=True)]
    filled.paste(image.resize(size, _filter(spec)), tuple(places))


def _paste_window(filled: Any, image: Any, spec: InputSpec) -> None:
    """Resize the part of the image that the rule shows, and paste it where the rule puts it."""
    place = spec.resize.placement(image.height, image.width, spec.height, spec.width)
    size = place.end_column - place.first_column, place.end_row - place.first_row
    content = image.resize(size, _filter(spec), box=_inside(place, image, spec))
    filled.paste(content, (place.first_column, place.first_row))


def _inside(place: Placement, image: Any, spec: InputSpec) -> tuple[float, float, float, float]:
    """Return the part of a window that lies in the image: left, top, right and bottom."""
    across, down = place.width / spec.width, place.height / spec.height
    return (
        max(0.0, place.left + place.first_column * across),
        max(0.0, place.top + place.first_row * down),
        min(float(image.width), place.left + place.end_column * across),
        min(float(image.height), place.top + place.end_row * down),
    )
