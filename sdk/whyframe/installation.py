"""Inspection of the installation: hardware, drivers and packages, and the command that adds each missing part."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from whyframe import __version__
from whyframe.errors import WhyframeError, one_line

__all__ = ["Finding", "inspect_installation"]

_OWNERS = {
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
    "cv2": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
}
"""Distributions that install the same import name, so that the last one installed overwrites the others' files."""


@dataclass(frozen=True)
class Finding:
    """State of one component of the installation.

    Attributes:
        what: Name of the component.
        found: Version or details of the component, or the reason why it cannot be used.
        state: ``"ok"``, ``"missing"`` (an optional component that is not installed), or ``"broken"``.
        fix: Command or advice to install or repair the component; empty where the state is ``"ok"``.
    """

    what: str
    found: str
    state: str = "ok"
    fix: str = ""


def inspect_installation() -> list[Finding]:
    """Return the state of every component that whyframe can use."""
    return [
        Finding("whyframe", f"{__version__}, Python {platform.python_version()}, {platform.machine()}"),
        _inspect_gpu(),
        _inspect_nvcc(),
        _inspect_kernels(),
        _inspect_package("pycuda", "pycuda", "pip install 'whyframe[pycuda]'"),
        *_inspect_tensorrt(),
        *_inspect_onnxruntime(),
        *_find_conflicts(),
        _inspect_package("Video and sound (PyAV)", "av", "pip install av"),
        _inspect_package("FP16 conversion (onnx)", "onnx", "pip install 'whyframe[tensorrt-rtx]'"),
        _inspect_package("training (PyTorch)", "torch", "pip install 'whyframe[train]'"),
    ]


def _inspect_package(what: str, distribution: str, fix: str) -> Finding:
    version = _version(distribution)
    return Finding(what, version) if version else Finding(what, "not installed", "missing", fix)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _inspect_gpu() -> Finding:
    """Find the driver and the devices through the driver's own library, which needs no Python package."""
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return Finding("GPU", "no NVIDIA driver", "missing", "install NVIDIA's driver (nvidia.com/drivers)")
    count, version = ctypes.c_int(), ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return Finding(
            "GPU", "NVIDIA driver without a usable device", "broken", "run nvidia-smi to find the cause"
        )
    cuda.cuDriverGetVersion(ctypes.byref(version))
    devices = ", ".join(_describe_device(cuda, index) for index in range(count.value))
    return Finding("GPU", f"{devices}; driver for CUDA {version.value // 1000}.{version.value % 1000 // 10}")


def _describe_device(cuda: Any, index: int) -> str:
    name, device = ctypes.create_string_buffer(100), ctypes.c_int()
    cuda.cuDeviceGet(ctypes.byref(device), index)
    cuda.cuDeviceGetName(name, 100, device)
    capability = []
    for attribute in (75, 76):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
        value = ctypes.c_int()
        cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        capability.append(str(value.value))
    return f"cuda:{index} {name.value.decode()} (compute capability {'.'.join(capability)})"


def _inspect_nvcc() -> Finding:
    path = shutil.which("nvcc")
    if path is None:
        return Finding(
            "CUDA compiler", "nvcc is not on the PATH", "missing", "pip install 'whyframe[cuda-toolchain]'"
        )
    output = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    release = next((line for line in output.splitlines() if "release" in line), "unknown release")
    return Finding("CUDA compiler", release.strip())


def _inspect_kernels() -> Finding:
    from whyframe.native import library_path
    from whyframe.native.kernels import ABI_VERSION, kernels_exist, load_kernels

    fix = "WHYFRAME_KERNELS=1 pip install --no-binary whyframe --force-reinstall whyframe"
    if not kernels_exist():
        return Finding("CUDA kernels", "not built", "missing", fix)
    try:
        load_kernels()
    except WhyframeError as error:
        return Finding("CUDA kernels", one_line(error), "broken", fix)
    return Finding("CUDA kernels", f"interface {ABI_VERSION}, {library_path('kernels')}")


def _inspect_tensorrt() -> Iterator[Finding]:
    from whyframe.tensorrt.api import FLAVOURS

    return (
        _inspect_flavour(name, f"pip install 'whyframe[{facts.extra}]'") for name, facts in FLAVOURS.items()
    )


def _inspect_flavour(name: str, fix: str) -> Finding:
    from whyframe.tensorrt.api import load_tensorrt

    if find_spec(name) is None:
        return Finding(name, "not installed", "missing", fix)
    try:
        return Finding(name, load_tensorrt(name).version)
    except WhyframeError as error:
        return Finding(name, one_line(error), "broken", fix)


def _inspect_onnxruntime() -> Iterator[Finding]:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    yield Finding("ONNX Runtime", f"{onnxruntime.__version__}: {', '.join(providers)}")
    if "CUDAExecutionProvider" not in providers:
        yield Finding(
            "ONNX Runtime on CUDA",
            "not in this build",
            "missing",
            "pip uninstall -y onnxruntime && pip install 'onnxruntime-gpu[cuda,cudnn]'",
        )


def _find_conflicts() -> Iterator[Finding]:
    """Find installed distributions that own the same folder."""
    for module, distributions in _OWNERS.items():
        owners = [name for name in distributions if _version(name)]
        if len(owners) > 1:
            keep = next((name for name in owners if name.endswith("-gpu")), owners[-1])
            yield Finding(
                f"packages of {module}",
                f"{' and '.join(owners)} overwrite each other",
                "broken",
                f"pip uninstall -y {' '.join(owners)} && pip install {keep}",
            )
