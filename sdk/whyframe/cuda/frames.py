"""Frames that lie on the device already: CUDA arrays, DLPack tensors, and the NV12 planes of a video decoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.cuda.dlpack import Tensor, from_dlpack
from whyframe.cuda.driver import Driver, Stream
from whyframe.errors import FrameTypeError, FrameValueError

__all__ = ["DeviceFrame", "NV12Frame", "as_device_frame", "is_device_frame"]

Format = Literal["bgr", "rgb", "nv12"]
_CUDA_DEVICE = 2  # kDLCUDA
_DEFAULT_STREAM = 1  # CU_STREAM_LEGACY


@dataclass(frozen=True, kw_only=True)
class NV12Frame:
    """The two planes of a decoder's picture on the device. Nothing is copied: keep them until `run` returns.

    Attributes:
        luma: Device address of H rows of W bytes.
        chroma: Device address of ceil(H / 2) rows of ceil(W / 2) interleaved U and V bytes.
        height: H, in pixels.
        width: W, in pixels.
        pitch: Bytes from one row to the next, in both planes.
        matrix: ``"bt709"`` (HD) or ``"bt601"`` (SD).
        full_range: Whether luma fills 0..255, as in JPEG, or 16..235, as in video.
        stream: Raw handle of the stream that writes the planes; they are awaited there. 0: the default stream.
        owner: Whatever keeps the memory alive.
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
            raise FrameValueError("an NV12 frame has two planes; give the addresses of both.")
        if self.height < 1 or self.width < 1:
            raise FrameValueError(
                f"the frame is {self.height} x {self.width}; check that the decode succeeded."
            )
        if self.pitch < self.width + self.width % 2:
            raise FrameValueError(f"a pitch of {self.pitch} bytes cannot hold rows of {self.width} pixels.")
        if self.matrix not in ("bt601", "bt709"):
            raise FrameValueError(f"there is no matrix {self.matrix!r}; choose 'bt709' (HD) or 'bt601' (SD).")


@dataclass(frozen=True, kw_only=True)
class DeviceFrame:
    """A frame on the device, as the runtime and its results hold it; ``numpy.asarray`` downloads it as BGR.

    Attributes:
        shape: (H, W, 3), as of the picture that it holds.
        pointer: Device address of the first row (of luma, for NV12).
        pitch: Bytes from row to row.
        format: ``"bgr"``, ``"rgb"`` or ``"nv12"``.
        chroma: Device address of the second plane; 0 where there is none.
        matrix: As for `NV12Frame`.
        full_range: As for `NV12Frame`.
        stream: Raw handle of the stream to wait for, or None where the data is ready.
        owner: Keeps the memory alive.
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
        """The frame as H x W x 3 uint8 BGR, downloaded now: as its owner has left it."""
        if dtype not in (None, np.uint8, np.dtype(np.uint8)) or copy is False:
            raise FrameTypeError("a device frame is downloaded as uint8, by a copy; convert it afterwards.")
        height, width, _ = self.shape
        with self.driver.current():
            stream = self.driver.stream()
            if self.stream is not None:
                self.driver.wait_for_stream(stream, self.stream)
            if self.format != "nv12":
                image = self._rows(self.pointer, 3 * width, height, stream).reshape(self.shape)
                return image if self.format == "bgr" else np.ascontiguousarray(image[..., ::-1])
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
    """NV12 planes on the host as H x W x 3 uint8 BGR; each chroma sample is that of its 2 x 2 pixels.

    Args:
        luma: H x W uint8.
        chroma: ceil(H / 2) x 2 ceil(W / 2) uint8, U and V in turns.
        matrix: ``"bt601"`` or ``"bt709"``.
        full_range: Whether luma fills 0..255.
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
    """Whether a frame lies on a CUDA device."""
    if isinstance(frame, (NV12Frame, DeviceFrame)) or hasattr(frame, "__cuda_array_interface__"):
        return True
    device = getattr(frame, "__dlpack_device__", None)
    return device is not None and int(device()[0]) == _CUDA_DEVICE


def as_device_frame(frame: Any, color: str, driver: Driver, stream: Stream) -> DeviceFrame:
    """A frame on the device, without a copy.

    Args:
        frame: An `NV12Frame`; or H x W x 3 uint8 with ``__cuda_array_interface__`` or ``__dlpack__``, of any
            row pitch.
        color: ``"bgr"`` or ``"rgb"``, the order of an array's channels.
        driver: The device it must lie on.
        stream: The stream that will read it.

    Raises:
        FrameTypeError: It is not uint8.
        FrameValueError: It has another shape, is spread out in memory, or lies on another device.
    """
    if isinstance(frame, DeviceFrame):
        return frame
    if isinstance(frame, NV12Frame):
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
    # DLPack first: its producer makes our stream wait for the data, which PyTorch's CUDA array does not offer.
    ready = hasattr(frame, "__dlpack_device__")
    tensor = from_dlpack(frame, stream.handle) if ready else _from_interface(frame)
    return _of_tensor(tensor, color, driver)


def _from_interface(frame: Any) -> Tensor:
    """The CUDA Array Interface, versions 2 and 3."""
    facts = frame.__cuda_array_interface__
    shape = tuple(facts["shape"])
    strides = facts.get("strides") or tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    return Tensor(
        pointer=int(facts["data"][0]),
        shape=shape,
        byte_strides=tuple(strides),
        dtype=facts["typestr"].lstrip("|<=>"),
        device=None,
        # Before version 3 the protocol says nothing of streams: then the default one is waited for.
        stream=facts.get("stream") if facts.get("version", 0) >= 3 else _DEFAULT_STREAM,
        owner=frame,
    )


def _of_tensor(tensor: Tensor, color: str, driver: Driver) -> DeviceFrame:
    size = " x ".join(map(str, tensor.shape))
    if tensor.dtype != "u1":
        raise FrameTypeError(f"a frame is uint8, not {tensor.dtype}; convert it on the device first.")
    if len(tensor.shape) != 3 or tensor.shape[2] != 3:
        raise FrameValueError(
            f"the frame is {size}; give height x width x 3 (permute channels that are first)."
        )
    if 0 in tensor.shape:
        raise FrameValueError(f"the frame is empty ({size}); check that the decode succeeded.")
    pitch, *pixel = tensor.byte_strides
    if pixel != [3, 1] or pitch < 3 * tensor.shape[1]:
        raise FrameValueError(
            f"the frame's rows are spread out in memory (strides {tensor.byte_strides}); make it contiguous."
        )
    if tensor.device not in (None, driver.index):
        raise FrameValueError(
            f"the frame is on cuda:{tensor.device} and the engine on cuda:{driver.index}; move one of them."
        )
    return DeviceFrame(
        shape=(tensor.shape[0], tensor.shape[1], 3),
        pointer=tensor.pointer,
        pitch=pitch,
        format="rgb" if color == "rgb" else "bgr",
        stream=tensor.stream,
        owner=tensor.owner,
        driver=driver,
    )
