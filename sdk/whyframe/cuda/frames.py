"""Frames in device memory: CUDA arrays, DLPack tensors, and the NV12 planes of a video decoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.alpha import compose
from whyframe.cuda.dlpack import Tensor, from_dlpack
from whyframe.cuda.driver import Driver, Stream
from whyframe.errors import FrameTypeError, FrameValueError
from whyframe.image_options import ImageOptions

__all__ = ["DeviceFrame", "NV12Frame", "as_device_frame", "is_device_frame"]

Format = Literal["bgr", "rgb", "bgra", "rgba", "nv12"]
_CUDA_DEVICE = 2  # kDLCUDA
_DEFAULT_STREAM = 1  # CU_STREAM_LEGACY


@dataclass(frozen=True, kw_only=True)
class NV12Frame:
    """The two planes of a decoded frame in device memory. They are not copied: keep them until `run` returns.

    Attributes:
        luma: Device address of the luma plane, H rows of W bytes.
        chroma: Device address of the chroma plane, ceil(H / 2) rows of ceil(W / 2) pairs of U and V bytes.
        height: Height H of the frame, in pixels.
        width: Width W of the frame, in pixels.
        pitch: Distance between the starts of two rows in both planes, in bytes.
        matrix: Colour matrix, ``"bt709"`` (HD, the default) or ``"bt601"`` (SD).
        full_range: Whether luma uses 0..255, as in JPEG, or 16..235, as in video (the default).
        stream: Raw handle of the stream that writes the planes, which is waited for; 0 is the default stream.
        owner: Object that keeps the memory alive; None by default.

    Raises:
        FrameValueError: An address is missing, or a size, the pitch or the matrix is invalid.
    """

    luma: int
    chroma: int
    height: int
    width: int
    pitch: int
    matrix: Literal["bt601", "bt709"] = "bt709"
    full_range: bool = False
    stream: int = 0
    owner: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not (self.luma and self.chroma):
            raise FrameValueError("an NV12 frame has two planes; give both addresses.")
        if self.height < 1 or self.width < 1:
            raise FrameValueError(f"the frame is {self.height} x {self.width}; check that it was decoded.")
        if self.pitch < self.width + self.width % 2:
            raise FrameValueError(f"a pitch of {self.pitch} bytes cannot hold rows of {self.width} pixels.")
        if self.matrix not in ("bt601", "bt709"):
            raise FrameValueError(f"there is no matrix {self.matrix!r}; choose 'bt709' (HD) or 'bt601' (SD).")


@dataclass(frozen=True, kw_only=True)
class DeviceFrame:
    """A frame in device memory, as the runtime and its results hold it. ``numpy.asarray`` downloads it as BGR.

    Attributes:
        shape: Shape of the frame, (H, W, 3) for every format.
        pointer: Device address of the first row; in NV12, of the luma plane.
        pitch: Distance between the starts of two rows, in bytes.
        format: Pixel format, ``"bgr"``, ``"rgb"``, ``"bgra"``, ``"rgba"`` or ``"nv12"``.
        chroma: Device address of the chroma plane in NV12; 0 for the other formats.
        matrix: Colour matrix of NV12; see `NV12Frame`.
        full_range: Range of luma in NV12; see `NV12Frame`.
        stream: Raw handle of the stream to wait for; None if the data is complete.
        owner: Object that keeps the memory alive.
        driver: The device.
    """

    shape: tuple[int, int, int]
    pointer: int
    pitch: int
    format: Format
    chroma: int = 0
    matrix: str = "bt709"
    full_range: bool = False
    stream: int | None = None
    owner: Any = field(default=None, repr=False)
    driver: Driver = field(repr=False)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.uint8]:
        """Download the current contents of the memory as H x W x 3 uint8 BGR."""
        if dtype not in (None, np.uint8, np.dtype(np.uint8)) or copy is False:
            raise FrameTypeError(
                "a frame on the device is always copied, as uint8; convert the copy afterwards."
            )
        height, width, _ = self.shape
        with self.driver.current():
            stream = self.driver.stream()
            if self.stream is not None:
                self.driver.wait_for_stream(stream, self.stream)
            if self.format != "nv12":
                channels = len(self.format)
                rows = self._rows(self.pointer, channels * width, height, stream)
                image = rows.reshape(height, width, channels)
                color = self.format[:3]
                image = compose(image, ImageOptions(), color) if channels == 4 else image
                return np.ascontiguousarray(image[..., ::-1] if color == "rgb" else image)
            luma = self._rows(self.pointer, width, height, stream)
            chroma = self._rows(self.chroma, 2 * ((width + 1) // 2), (height + 1) // 2, stream)
        return nv12_to_bgr(luma, chroma, self.matrix, self.full_range)

    def _rows(self, pointer: int, width: int, rows: int, stream: Stream) -> NDArray[np.uint8]:
        packed = self.driver.allocate(width * rows)
        self.driver.copy_rows(packed.pointer, width, pointer, self.pitch, width, rows, stream)
        image = np.empty((rows, width), np.uint8)
        self.driver.download(image, packed.pointer, stream)
        stream.synchronize()
        return image


def nv12_to_bgr(
    luma: NDArray[np.uint8], chroma: NDArray[np.uint8], matrix: str, full_range: bool
) -> NDArray[np.uint8]:
    """Convert NV12 planes in host memory to BGR. Each chroma sample belongs to 2 x 2 pixels.

    Args:
        luma: H x W uint8 luma plane.
        chroma: ceil(H / 2) x 2 ceil(W / 2) uint8 chroma plane, U and V alternating.
        matrix: Colour matrix, ``"bt601"`` or ``"bt709"``.
        full_range: Whether luma uses 0..255 instead of 16..235.

    Returns:
        H x W x 3 uint8 BGR.
    """
    height, width = luma.shape
    wide = np.repeat(np.repeat(chroma.reshape(len(chroma), -1, 2), 2, axis=0), 2, axis=1)[:height, :width]
    red, blue = (0.299, 0.114) if matrix == "bt601" else (0.2126, 0.0722)
    green = 1 - red - blue
    y = luma.astype(np.float32) if full_range else (luma.astype(np.float32) - 16) * (255 / 219)
    u, v = np.moveaxis(wide.astype(np.float32) - 128, -1, 0) * (1 if full_range else 255 / 224)
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / green
    return cv2.merge([cv2.convertScaleAbs(np.maximum(plane, 0)) for plane in (b, g, r)])  # type: ignore[return-value]


def is_device_frame(frame: Any) -> bool:
    """Return whether a frame is in the memory of a CUDA device."""
    if isinstance(frame, (NV12Frame, DeviceFrame)) or hasattr(frame, "__cuda_array_interface__"):
        return True
    device = getattr(frame, "__dlpack_device__", None)
    return device is not None and int(device()[0]) == _CUDA_DEVICE


def as_device_frame(frame: Any, color: str, driver: Driver, stream: Stream, channels: int = 3) -> DeviceFrame:
    """Return a frame in device memory as a `DeviceFrame`, without a copy.

    Args:
        frame: An `NV12Frame`, or an H x W x 3 uint8 array of any row pitch with ``__cuda_array_interface__`` or
            ``__dlpack__``; H x W x 4 for a model of 4 channels.
        color: Channel order of an array, ``"bgr"`` or ``"rgb"``; alpha is the last channel.
        driver: The device that the frame must be on.
        stream: The stream that will read the frame.
        channels: Number of channels of the model's input: 1, 3 or 4.

    Raises:
        FrameTypeError: The array is not uint8.
        FrameValueError: The array has another shape, its rows are not contiguous, it is on another device, or the
            model takes an alpha channel and the frame has none.
    """
    if isinstance(frame, NV12Frame):
        frame = _of_planes(frame, driver)
    if isinstance(frame, DeviceFrame):
        _check_alpha(frame, channels)
        return frame
    # DLPack is preferred, because it makes our stream wait for the data. PyTorch's CUDA Array Interface does not.
    has_dlpack = hasattr(frame, "__dlpack_device__")
    tensor = from_dlpack(frame, stream.handle) if has_dlpack else _from_interface(frame)
    return _of_tensor(tensor, color, driver, channels)


def _of_planes(frame: NV12Frame, driver: Driver) -> DeviceFrame:
    return DeviceFrame(
        shape=(frame.height, frame.width, 3),
        pointer=frame.luma,
        pitch=frame.pitch,
        format="nv12",
        chroma=frame.chroma,
        matrix=frame.matrix,
        full_range=frame.full_range,
        stream=frame.stream,
        owner=frame,
        driver=driver,
    )


def _check_alpha(frame: DeviceFrame, channels: int) -> None:
    """Check that a frame has an alpha channel if the model takes one, and only then.

    Raises:
        FrameValueError: It does not fit.
    """
    if (frame.format in ("bgra", "rgba")) != (channels == 4):
        given = "an" if channels == 4 else "no"
        raise FrameValueError(
            f"the frame is {frame.format} and the model takes {given} alpha channel; "
            f"give height x width x {4 if channels == 4 else 3} uint8."
        )


def _from_interface(frame: Any) -> Tensor:
    """Read the CUDA Array Interface, version 2 or 3."""
    interface = frame.__cuda_array_interface__
    shape = tuple(interface["shape"])
    strides = interface.get("strides") or tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    return Tensor(
        pointer=int(interface["data"][0]),
        shape=shape,
        byte_strides=tuple(strides),
        dtype=interface["typestr"].lstrip("|<=>"),
        device=None,
        # Version 2 has no entry for a stream, so the default stream is waited for.
        stream=interface.get("stream") if interface.get("version", 0) >= 3 else _DEFAULT_STREAM,
        owner=frame,
    )


def _of_tensor(tensor: Tensor, color: str, driver: Driver, channels: int) -> DeviceFrame:
    size, depth = " x ".join(map(str, tensor.shape)), 4 if channels == 4 else 3
    if tensor.dtype != "u1":
        raise FrameTypeError(f"a frame is uint8, not {tensor.dtype}; convert it on the device first.")
    if len(tensor.shape) != 3 or tensor.shape[2] != depth:
        raise FrameValueError(
            f"the frame is {size}; give height x width x {depth} (move the channels to the last axis)."
        )
    if 0 in tensor.shape:
        raise FrameValueError(f"the frame is empty ({size}); check that it was decoded.")
    pitch, *pixel_strides = tensor.byte_strides
    if pixel_strides != [depth, 1] or pitch < depth * tensor.shape[1]:
        raise FrameValueError(
            f"the frame's rows are not contiguous (strides of {tensor.byte_strides} bytes); make them contiguous."
        )
    if tensor.device not in (None, driver.index):
        raise FrameValueError(
            f"the frame is on cuda:{tensor.device} and the engine on cuda:{driver.index}; move one of them."
        )
    order: Literal["bgr", "rgb"] = "rgb" if color == "rgb" else "bgr"
    formats: dict[str, Format] = {"bgr": "bgra", "rgb": "rgba"}
    return DeviceFrame(
        shape=(tensor.shape[0], tensor.shape[1], 3),
        pointer=tensor.pointer,
        pitch=pitch,
        format=formats[order] if depth == 4 else order,
        stream=tensor.stream,
        owner=tensor.owner,
        driver=driver,
    )
