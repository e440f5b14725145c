"""Fixtures of the TensorRT tests. The engines are real: TensorRT-RTX builds them without a GPU."""

from __future__ import annotations

from importlib import resources

import pytest

from whyframe import Manifest
from whyframe.tensorrt.api import TensorRT, load_tensorrt
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.compile import compile_model
from whyframe.tensorrt.enginefile import EngineFile


@pytest.fixture(scope="session")
def trt() -> TensorRT:
    pytest.importorskip("tensorrt_rtx", reason="pip install 'whyframe[tensorrt-rtx]'")
    return load_tensorrt("tensorrt_rtx")


@pytest.fixture(scope="session")
def bundled() -> bytes:
    return (resources.files("whyframe") / "models" / "efficientnet_lite0_ct.onnx").read_bytes()


@pytest.fixture(scope="session")
def manifest(bundled: bytes) -> Manifest:
    return Manifest.read(bundled)


@pytest.fixture(scope="session")
def engine(trt: TensorRT, bundled: bytes, manifest: Manifest) -> EngineFile:
    """The bundled model, compiled for three GPUs."""
    return compile_model(bundled, manifest, BuildOptions(compute_capabilities=((8, 6), (8, 9), (12, 0))), trt)


@pytest.fixture
def made_up(manifest: Manifest) -> EngineFile:
    """An engine file whose plans are arbitrary bytes."""
    return EngineFile(
        manifest=manifest,
        builder="tensorrt_rtx",
        builder_version="1.7.1.116",
        compute_capabilities=((8, 6), (12, 0)),
        batch=(1, 4, 8),
        refine_batch=(32, 32, 32),
        plugin=True,
        explainer=b"explainer",
        classifier=b"classifier" * 3,
        refine_classifier=b"refine classifier",
    )
