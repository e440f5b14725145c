"""Reader of DLPack capsules (dmlc/dlpack, version 0 of its ABI) that needs no other array library."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Tensor", "from_dlpack"]


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A device array of another library.

    Attributes:
        pointer: Device address of the first element.
        shape: Number of elements along each axis.
        byte_strides: Strides in bytes.
        dtype: Data type in NumPy's notation without the byte order, such as ``"u1"`` or ``"f4"``.
        device: Index of the CUDA device; None if the protocol does not give it.
        stream: Raw handle of the stream to wait for; None if no wait is needed.
        owner: Object that keeps the memory alive.
    """

    pointer: int
    shape: tuple[int, ...]
    byte_strides: tuple[int, ...]
    dtype: str
    device: int | None
    stream: int | None
    owner: Any = field(repr=False)


class _DLTensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


_KINDS = {0: "i", 1: "u", 2: "f"}


def from_dlpack(array: Any, stream: int) -> Tensor:
    """Return an array that offers DLPack, without a copy.

    Args:
        array: Array with ``__dlpack__`` and ``__dlpack_device__``.
        stream: Raw handle of the stream that will read the array. The array's library makes it wait for the data.
    """
    capsule = array.__dlpack__(stream=stream)
    # The capsule is not marked as used, so it stays the owner of the tensor and frees it with its last reference.
    tensor = ctypes.cast(_pointer(capsule, b"dltensor"), ctypes.POINTER(_DLTensor)).contents
    shape = tuple(tensor.shape[axis] for axis in range(tensor.ndim))
    steps = _steps(tensor, shape)
    size = tensor.bits * tensor.lanes // 8
    return Tensor(
        pointer=(tensor.data or 0) + tensor.byte_offset,
        shape=shape,
        byte_strides=tuple(step * size for step in steps),
        dtype=f"{_KINDS.get(tensor.code, '?')}{size}",
        device=tensor.device_id,
        stream=None,
        owner=(capsule, array),
    )


def _steps(tensor: _DLTensor, shape: tuple[int, ...]) -> list[int]:
    """Return the strides in elements. A tensor without strides is row-major."""
    if tensor.strides:
        return [tensor.strides[axis] for axis in range(len(shape))]
    steps = [1]
    for length in reversed(shape[1:]):
        steps.insert(0, steps[0] * length)
    return steps


def _pointer(capsule: Any, name: bytes) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_void_p
    return get(capsule, name)
