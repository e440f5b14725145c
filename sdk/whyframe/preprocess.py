"""Conversion of frames to the model's input.

Every resize uses half-pixel centres: the centre of output pixel i is at ``(i + 0.5) * n_in / n_out - 0.5``.
"""

from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.alpha import compose, premultiply, unpremultiply
from whyframe.errors import FrameError, FrameTypeError, FrameValueError
from whyframe.image_options import ImageOptions
from whyframe.images import from_pillow, is_pillow_image, read_image
from whyframe.input_spec import InputSpec
from whyframe.resample import resample
from whyframe.resize_rule import Placement

__all__ = ["as_bgr", "as_image", "to_input"]

Image = NDArray[np.uint8]


def as_bgr(frame: Any, color: str = "bgr", options: ImageOptions | None = None) -> Image:
    """Return a frame as a BGR array.

    Args:
        frame: H x W x 3 uint8 array with any strides, or H x W x 4 with alpha last, which is composed on the matte;
            or a PIL image, which is rotated upright as a file is; or the path of an image file.
        color: Channel order of an array, ``"bgr"`` or ``"rgb"``; not used for images and files.
        options: How images and files are read; None for the defaults.

    Returns:
        H x W x 3 uint8 BGR. A BGR array is returned itself, not copied.

    Raises:
        FrameError: The frame cannot be used; the message says why and how to convert it.
        SourceError: The file is missing or is not an image.
    """
    if color not in ("bgr", "rgb"):
        raise FrameValueError(f"color is {color!r}; give 'bgr' (OpenCV's order) or 'rgb'.")
    if isinstance(frame, (str, os.PathLike)):
        return read_image(frame, options=options)
    options = options or ImageOptions()
    if is_pillow_image(frame):
        return from_pillow(frame, 3, options)
    if isinstance(frame, np.ndarray) and frame.ndim == 3 and frame.shape[2] == 4:
        _check_frame(frame[..., :3])
        frame = compose(frame, options, color)
    _check_frame(frame)
    return cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) if color == "rgb" else frame  # type: ignore[return-value]


def as_image(frame: Any, color: str, channels: int, options: ImageOptions | None = None) -> Image:
    """Return a frame with the channels that a model needs.

    Args:
        frame: As for `as_bgr`; also H x W or H x W x 1 uint8 for a model of 1 channel, and H x W x 4 uint8, in the
            order of
            ``color`` and then alpha, for a model of 4 channels.
        color: Channel order of an array, ``"bgr"`` or ``"rgb"``.
        channels: Number of channels of the model's input: 1, 3 or 4.
        options: How images and files are read; None for the defaults.

    Returns:
        H x W x 3 uint8 BGR, or H x W x 4 uint8 BGRA for a model of 4 channels.

    Raises:
        FrameError: The frame cannot be used; the message says why and how to convert it.
        SourceError: The file is missing or is not an image, or has no alpha channel where the model needs it.
    """
    if channels == 4:
        return _as_bgra(frame, color, options)
    grey = isinstance(frame, np.ndarray) and (frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1))
    if channels == 1 and grey and frame.dtype == np.uint8 and frame.size:
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
    return as_bgr(frame, color, options)


def _as_bgra(frame: Any, color: str, options: ImageOptions | None) -> Image:
    if isinstance(frame, (str, os.PathLike)):
        return read_image(frame, channels=4, options=options)
    if is_pillow_image(frame):
        return from_pillow(frame, 4, options or ImageOptions())
    if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 4 or not frame.size:
        found = _shape(frame) if isinstance(frame, np.ndarray) else type(frame).__name__
        raise FrameValueError(
            f"the frame is {found} and the model takes 4 channels; give height x width x 4 uint8."
        )
    if frame.dtype != np.uint8:
        raise FrameTypeError(f"a frame is uint8, not {frame.dtype}; {_to_uint8(frame.dtype)}")
    return cv2.cvtColor(frame, cv2.COLOR_RGBA2BGRA) if color == "rgb" else frame  # type: ignore[return-value]


def _check_frame(frame: Any) -> None:
    """Check that a frame is a non-empty H x W x 3 uint8 numpy array.

    Raises:
        FrameError: The frame is anything else; the message says what it is and how to convert it.
    """
    if not isinstance(frame, np.ndarray):
        kind = type(frame).__name__
        raise FrameTypeError(
            f"a frame is a numpy array, a PIL image or a path, not {kind}; try numpy.asarray(frame)."
        )
    if frame.ndim != 3 or frame.shape[2] != 3:
        raise _wrong_shape(frame)
    if frame.size == 0:
        raise FrameValueError(f"the frame is empty ({_shape(frame)}); check that the read succeeded.")
    if frame.dtype != np.uint8:
        raise FrameTypeError(f"a frame is uint8, not {frame.dtype}; {_to_uint8(frame.dtype)}")


def _wrong_shape(frame: NDArray[Any]) -> FrameError:
    if frame.size == 0:
        return FrameValueError(f"the frame is empty ({_shape(frame)}); check that the read succeeded.")
    if frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1):
        advice = "convert it with cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)."
        return FrameValueError(f"the frame is grey ({_shape(frame)}) and the model takes colour; {advice}")
    if frame.ndim == 3 and frame.shape[0] == 3:
        advice = "convert it with frame.transpose(1, 2, 0)."
        return FrameValueError(f"the frame is {_shape(frame)}, with its channels first; {advice}")
    if frame.ndim == 4:
        return FrameValueError(
            f"the frame is a batch ({_shape(frame)}); give it to run_batch, or one frame to run."
        )
    return FrameValueError(f"the frame is {_shape(frame)}; give height x width x 3.")


def _shape(frame: NDArray[Any]) -> str:
    return " x ".join(str(size) for size in frame.shape) or "a scalar"


def _to_uint8(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return "if its values are in [0, 1], convert it with (frame * 255).round().astype(numpy.uint8)."
    if dtype == np.uint16:
        return "convert 16 bits with (frame >> 8).astype(numpy.uint8)."
    return "convert it to 0..255 with frame.astype(numpy.uint8)."


def to_input(frame: Image, spec: InputSpec) -> Image:
    """Convert a frame to the model's input.

    The fast rule halves each axis by averaging pairs of pixels for as long as enough samples are left, then resizes
    bilinearly: every pixel counts, at a fifth of the cost of exact area averages. The other rules are those of
        Pillow, see
    `whyframe.resample`.

    Args:
        frame: H x W x 3 uint8 BGR, or H x W x 4 uint8 BGRA where the model takes 4 channels.
        spec: The model's input.

    Returns:
        The input's height x width x channels, uint8; RGB, RGBA or grey.
    """
    place = spec.resize.placement(frame.shape[0], frame.shape[1], spec.height, spec.width)
    if spec.channels == 1:
        frame = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
    if spec.resize.interpolation == "fast":
        resized = _resize_fast(frame, place, spec)
    else:
        resized = _resize_exactly(frame, place, spec)
    if spec.channels == 1:
        return resized.reshape(spec.height, spec.width, 1)
    code = cv2.COLOR_BGR2RGB if spec.channels == 3 else cv2.COLOR_BGRA2RGBA
    return cv2.cvtColor(resized, code)  # type: ignore[return-value]


def _resize_fast(frame: Image, place: Placement, spec: InputSpec) -> Image:
    top, left, height, width = (int(value) for value in place[:4])
    halved = _halve(frame[top : top + height, left : left + width], spec.height, spec.width)
    return cv2.resize(halved, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _resize_exactly(frame: Image, place: Placement, spec: InputSpec) -> Image:
    rows, columns = place.end_row - place.first_row, place.end_column - place.first_column
    top, height = _inside(place.top, place.height / spec.height, place.first_row, rows, frame.shape[0])
    left, width = _inside(place.left, place.width / spec.width, place.first_column, columns, frame.shape[1])
    rule = spec.resize
    weighted = spec.weights_by_alpha(place)
    source = premultiply(frame) if weighted else frame
    content = resample(source, (top, left, height, width), rows, columns, rule.interpolation, rule.antialias)
    content = unpremultiply(content) if weighted else content
    if (rows, columns) == (spec.height, spec.width):
        return content
    fill = rule.fill[:1] if spec.channels == 1 else (*rule.fill[::-1], 255)[: spec.channels]
    resized = np.empty(spec.shape, np.uint8)
    resized[:] = fill
    resized[place.first_row : place.end_row, place.first_column : place.end_column] = content
    return resized


def _inside(start: float, step: float, first: int, count: int, samples: int) -> tuple[float, float]:
    """Return start and length of the content's part of a window, without the rounding errors at the frame's edges."""
    low, high = max(start + first * step, 0.0), min(start + (first + count) * step, float(samples))
    return low, high - low


def _halve(image: Image, rows: int, columns: int) -> Image:
    """Halve each axis for as long as it keeps the given number of samples."""
    height, width = image.shape[:2]
    round_up = False
    while height >= 2 * rows or width >= 2 * columns:
        before = height, width
        height = height // 2 if height >= 2 * rows else height
        width = width // 2 if width >= 2 * columns else width
        if before in ((height, 2 * width), (2 * height, width)):
            image = _average_pairs(image, height, width, round_up)
            round_up = not round_up
        else:
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return image


def _average_pairs(image: Image, height: int, width: int, round_up: bool) -> Image:
    """Halve one axis by bilinear sampling, which is five times as fast as INTER_AREA and computes the same averages.

    Averages between two integers are rounded up, or down by working on the complement of the image. Alternating the
    two keeps the mean level of the image over several halvings.
    """
    if round_up:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
    return ~_average_pairs(~image, height, width, True)
