"""Conversion of frames to the model's input, and of the model's mask to the size of the frame.

Every resize uses half-pixel centres: the centre of output pixel i is at ``(i + 0.5) * n_in / n_out - 0.5``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import FrameError, FrameTypeError, FrameValueError, SourceError, one_line

__all__ = ["as_bgr", "crop_window", "read_image", "to_frame", "to_input"]

Image = NDArray[np.uint8]


def as_bgr(frame: Any, color: str = "bgr") -> Image:
    """Return a frame as a BGR array.

    Args:
        frame: H x W x 3 uint8 array with any strides; or a PIL image; or the path of an image file.
        color: Channel order of an array, ``"bgr"`` or ``"rgb"``; not used for images and files.

    Returns:
        H x W x 3 uint8 BGR. A BGR array is returned itself, not copied.

    Raises:
        FrameError: The frame cannot be used; the message says why and how to convert it.
        SourceError: The file is missing or is not an image.
    """
    if color not in ("bgr", "rgb"):
        raise FrameValueError(f"color is {color!r}; give 'bgr' (OpenCV's order) or 'rgb'.")
    if isinstance(frame, (str, os.PathLike)):
        return read_image(frame)
    if not isinstance(frame, np.ndarray) and hasattr(frame, "convert") and hasattr(frame, "getbands"):
        frame, color = np.asarray(frame.convert("RGB")), "rgb"
    _check_frame(frame)
    return cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) if color == "rgb" else frame  # type: ignore[return-value]


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
    if frame.ndim == 3 and frame.shape[2] == 4:
        return FrameValueError(
            f"the frame has 4 channels ({_shape(frame)}); drop the last with frame[..., :3]."
        )
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


def read_image(path: str | os.PathLike[str]) -> Image:
    """Read an image file and rotate the image as its EXIF orientation requires.

    Returns:
        H x W x 3 uint8 BGR.

    Raises:
        SourceError: The file is missing, cannot be read, or is not an image that OpenCV can decode.
    """
    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except FileNotFoundError as error:
        raise SourceError(f"there is no file {path}; check the path.") from error
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({one_line(error.strerror or '')}); check the path."
        ) from error
    image = _decode(data)
    if image is None:
        raise SourceError(f"{path} is not an image that OpenCV can read; give a JPEG or PNG file.")
    return image


def _decode(data: NDArray[np.uint8]) -> Image | None:
    try:
        return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None  # type: ignore[return-value]
    except cv2.error:  # for example an image larger than OpenCV's limit
        return None


def crop_window(height: int, width: int, resize: str) -> tuple[int, int, int, int]:
    """Return the part of a frame that becomes the model's input.

    Args:
        height: Height H of the frame, in pixels.
        width: Width W of the frame, in pixels.
        resize: The manifest's resize rule: ``"stretch"`` for the complete frame, ``"crop"`` for the largest centred
            square.

    Returns:
        (top, left, height, width) of the part, in pixels.
    """
    if resize == "stretch":
        return 0, 0, height, width
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def to_input(frame: Image, side: int, resize: str) -> Image:
    """Convert a frame to the model's input.

    Each axis is halved by averaging pairs of pixels for as long as at least S samples are left, then resized
    bilinearly. Every pixel counts, at a fifth of the cost of exact area averages.

    Args:
        frame: H x W x 3 uint8 BGR.
        side: Side S of the model's input, in pixels.
        resize: The manifest's resize rule, ``"stretch"`` or ``"crop"``.

    Returns:
        S x S x 3 uint8 RGB.
    """
    top, left, height, width = crop_window(frame.shape[0], frame.shape[1], resize)
    halved = _halve(frame[top : top + height, left : left + width], side)
    resized = cv2.resize(halved, (side, side), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def _halve(image: Image, side: int) -> Image:
    height, width = image.shape[:2]
    round_up = False
    while max(height, width) >= 2 * side:
        before = height, width
        height = height // 2 if height >= 2 * side else height
        width = width // 2 if width >= 2 * side else width
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


def to_frame(mask: NDArray[np.float32], height: int, width: int, resize: str) -> NDArray[np.float32]:
    """Resize a mask to the size of the frame, bilinearly.

    Args:
        mask: s x s float32 scores.
        height: Height H of the frame, in pixels.
        width: Width W of the frame, in pixels.
        resize: The manifest's resize rule, ``"stretch"`` or ``"crop"``.

    Returns:
        H x W float32 scores; 0 outside the part of the frame that became the model's input.
    """
    top, left, inner_height, inner_width = crop_window(height, width, resize)
    resized = cv2.resize(mask, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
    if (inner_height, inner_width) == (height, width):
        return resized  # type: ignore[return-value]
    scores = np.zeros((height, width), np.float32)
    scores[top : top + inner_height, left : left + inner_width] = resized
    return scores
