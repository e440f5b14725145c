"""Compute capability of this machine's GPU, read from the CUDA driver: compiling needs no other CUDA package."""

from __future__ import annotations

import ctypes

from whyframe.tensorrt.api import ComputeCapability

__all__ = ["compute_capability"]

_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*


def compute_capability(library: str = "libcuda.so.1") -> ComputeCapability | None:
    """Return the compute capability of the first GPU, or None if there is no GPU.

    Args:
        library: File name of the CUDA driver's library.
    """
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return None
    if driver.cuInit(0):
        return None
    major, minor = ctypes.c_int(), ctypes.c_int()
    for value, attribute in ((major, _MAJOR), (minor, _MINOR)):
        if driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, 0):
            return None
    return major.value, minor.value
