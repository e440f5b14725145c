from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers import toy
from whyframe import Manifest
from whyframe.errors import BackendError, ModelError
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.compile import compile_model
from whyframe.tensorrt.enginefile import EngineFile


def test_a_model_is_compiled_to_three_engines_for_three_gpus(engine: EngineFile, manifest: Manifest) -> None:
    assert engine.manifest == manifest
    assert (engine.builder, engine.batch, engine.refine_batch) == (
        "tensorrt_rtx",
        (1, 1, 1),
        (32, 32, 32),
    )
    weights = 19e6
    for plan in (engine.explainer, engine.classifier, engine.refine_classifier):
        assert weights < len(plan) < 1.3 * weights
    assert len(engine.classifier) < len(engine.explainer), "it holds no mask generator"
    for device in ((8, 6), (8, 9), (12, 0)):
        assert engine.runs_on(device)


def test_a_second_build_gives_the_same_bytes(
    engine: EngineFile, trt: TensorRT, bundled: bytes, manifest: Manifest
) -> None:
    options = BuildOptions(compute_capabilities=engine.compute_capabilities)
    assert compile_model(bundled, manifest, options, trt).to_bytes() == engine.to_bytes()


def test_a_fixed_batch_is_the_batch_of_all_engines(trt: TensorRT, tmp_path: Path) -> None:
    path = toy.Toy(batch=3).write(tmp_path / "fixed.onnx")
    manifest, model = Manifest.read(path), path.read_bytes()
    engine = compile_model(model, manifest, BuildOptions(), trt)
    assert engine.batch == engine.refine_batch == (3, 3, 3)
    with pytest.raises(ModelError, match=r"MODEL\.onnx --precision fp32 --flavour tensorrt_rtx"):
        engine.check(trt, (8, 6), "another")
    with pytest.raises(BackendError, match="fixed at 3; leave the batch out, or export with --batch 0"):
        compile_model(model, manifest, BuildOptions(batch=(1, 1, 1)), trt)


def test_a_gpu_that_is_not_supported_is_refused(trt: TensorRT, bundled: bytes, manifest: Manifest) -> None:
    with pytest.raises(BackendError, match=r"capability 9\.0; choose among 7\.5, .*12\.0") as caught:
        compile_model(bundled, manifest, BuildOptions(compute_capabilities=((8, 6), (9, 0))), trt)
    assert "8.6" in str(caught.value).split("choose among")[1]


def test_a_controller_without_a_cuda_kernel_has_no_plugin(
    trt: TensorRT, bundled: bytes, manifest: Manifest
) -> None:
    square = replace(manifest, controller={"name": "square"})
    with pytest.raises(BackendError, match=r"'square' has no CUDA kernel \(only ct, bt, minmax have one\)"):
        compile_model(bundled, square, BuildOptions(plugin=True), trt)


def test_full_tensorrt_compiles_only_for_the_gpu_of_this_machine(manifest: Manifest) -> None:
    full = TensorRT(SimpleNamespace(), "tensorrt", "11.4")
    for targets in ((), ((8, 6), (8, 9))):
        with pytest.raises(BackendError, match=r"only for the GPU of the machine.*--flavour tensorrt_rtx"):
            compile_model(b"", manifest, BuildOptions(compute_capabilities=targets), full)
