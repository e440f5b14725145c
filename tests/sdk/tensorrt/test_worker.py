from pathlib import Path

import pytest

from whyframe.errors import BackendError
from whyframe.tensorrt import worker
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.enginefile import EngineFile
from whyframe.tensorrt.worker import build_in_subprocess


def test_another_gpu_gives_another_engine(engine: EngineFile, trt: TensorRT, bundled: bytes) -> None:
    other = build_in_subprocess(bundled, (1, 1, 1), BuildOptions(compute_capabilities=((12, 1),)), trt)
    assert other != engine.explainer


def test_a_failed_build_gives_tensorrts_own_message(trt: TensorRT, toy_path: Path) -> None:
    options = BuildOptions(workspace=1, compute_capabilities=((8, 6),))
    with pytest.raises(BackendError, match=r"TensorRT-RTX [\d.]+ cannot build the engine \(.*Error Code"):
        build_in_subprocess(toy_path.read_bytes(), (1, 1, 1), options, trt)


def test_a_build_that_ends_its_process_becomes_an_error(
    trt: TensorRT, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ncat >/dev/null\necho 'terminate called' >&2\nkill -ABRT $$\n")
    python.chmod(0o755)
    monkeypatch.setattr(worker.sys, "executable", str(python))
    with pytest.raises(
        BackendError, match=r"ended with code -6 while building the engine \(terminate called"
    ):
        build_in_subprocess(b"", (1, 1, 1), BuildOptions(), trt)
