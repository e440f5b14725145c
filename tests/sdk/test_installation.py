from __future__ import annotations

import ctypes
from importlib import metadata

import pytest

from whyframe.installation import Finding, inspect_installation

COMPONENTS = {
    "GPU",
    "CUDA compiler",
    "CUDA kernels",
    "pycuda",
    "tensorrt",
    "tensorrt_rtx",
    "ONNX Runtime",
}


def conflicts() -> list[Finding]:
    return [finding for finding in inspect_installation() if finding.what.startswith("packages of ")]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):
    """Return a function that pretends which distributions of ONNX Runtime and OpenCV are installed."""
    version = metadata.version

    def pretend(*distributions: str) -> None:
        def pretended_version(name: str) -> str:
            if not name.startswith(("onnxruntime", "opencv-")):
                return version(name)
            if name in distributions:
                return "1.0"
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(metadata, "version", pretended_version)

    return pretend


def test_each_missing_or_broken_component_has_a_fix_and_no_other_has() -> None:
    findings = inspect_installation()
    assert {finding.what for finding in findings} >= COMPONENTS
    for finding in findings:
        assert finding.state in ("ok", "missing", "broken")
        assert bool(finding.fix) == (finding.state != "ok"), finding
        assert "\n" not in finding.found + finding.fix


def test_distributions_that_overwrite_each_other_are_broken(install) -> None:
    install("onnxruntime", "onnxruntime-gpu", "opencv-python", "opencv-python-headless")
    runtime, opencv = conflicts()
    assert runtime.state == "broken"
    assert runtime.fix == "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
    assert opencv.found == "opencv-python and opencv-python-headless overwrite each other"


def test_a_single_distribution_for_each_import_name_is_no_conflict(install) -> None:
    install("onnxruntime", "opencv-python")
    assert conflicts() == []


def test_a_missing_driver_is_reported_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    load = ctypes.CDLL

    def without_cuda(name: str, *args: object, **options: object) -> ctypes.CDLL:
        if "cuda" in str(name):
            raise OSError(name)
        return load(name, *args, **options)

    monkeypatch.setattr(ctypes, "CDLL", without_cuda)
    gpu = next(finding for finding in inspect_installation() if finding.what == "GPU")
    assert (gpu.state, gpu.found) == ("missing", "no NVIDIA driver")
