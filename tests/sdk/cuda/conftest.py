"""Fixtures that run complete frames through the GPU runtime, on the fake GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers import toy
from helpers.fake_gpu import FakeDriver, FakeKernels, FakeTensorRT
from whyframe.backends.tensorrt import TensorRTBackend
from whyframe.engine import ExplainEngine
from whyframe.manifest import Manifest
from whyframe.modelfile import keep_outputs
from whyframe.native.kernels import Kernels
from whyframe.tensorrt.enginefile import EngineFile


class Gpu:
    """A fake GPU, and engines on it."""

    def __init__(self, twins: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
        self.driver = FakeDriver()
        self.kernels = FakeKernels(twins, self.driver)
        self._monkeypatch = monkeypatch

    def file(self, content: bytes, profile: tuple[int, int] = (1, 1)) -> EngineFile:
        low, high = profile
        return EngineFile(
            manifest=Manifest.of_model(content, "toy"),
            builder="tensorrt",
            builder_version="1.0",
            compute_capabilities=((8, 9),),
            batch=(low, high, high),
            refine_batch=(low, high, high),
            plugin=False,
            explainer=content,
            classifier=keep_outputs(content, ("probabilities",)),
            refine_classifier=keep_outputs(content, ("probabilities",)),
        )

    def backend(
        self, content: bytes, profile: tuple[int, int] = (1, 1), starts: bool = True
    ) -> TensorRTBackend:
        trt = FakeTensorRT(self.driver, profile, starts)
        return TensorRTBackend(self.file(content, profile), trt, self.driver, self.kernels, "requested")

    def engine(self, path: Path, profile: tuple[int, int] = (1, 1)) -> ExplainEngine:
        content = path.read_bytes()
        backend = self.backend(content, profile)
        self._monkeypatch.setattr("whyframe.engine.open_backend", lambda *_: backend)
        engine = ExplainEngine(path, backend="tensorrt")
        self._monkeypatch.undo()
        self.driver.log.clear()
        return engine


@pytest.fixture
def driver() -> Iterator[FakeDriver]:
    """A fake driver whose context is current."""
    driver = FakeDriver()
    with driver.current():
        yield driver


@pytest.fixture
def gpu(host_twins: Kernels, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    return Gpu(host_twins, monkeypatch)


@pytest.fixture
def on_gpu(gpu: Gpu) -> Callable[..., ExplainEngine]:
    return gpu.engine


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small fused model."""
    return toy.write(tmp_path / "model.onnx", side=32, mask_side=8, gain=6.0)
