from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from onnx import helper

from helpers import toy
from whyframe import Manifest
from whyframe.errors import BackendError, ModelError
from whyframe.tensorrt import build, worker
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.build import BuildOptions, build_engine
from whyframe.tensorrt.compile import compile_model
from whyframe.tensorrt.enginefile import EngineFile
from whyframe.tensorrt.worker import build_in_subprocess


def spoilt(model: bytes, **attributes: object) -> bytes:
    """The model with attributes of its last resize changed."""
    proto = onnx.load_from_string(model)
    node = [node for node in proto.graph.node if node.op_type == "Resize"][-1]
    node.name = "the_last_resize"
    for name, value in attributes.items():
        kept = [one for one in node.attribute if one.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])
    return proto.SerializeToString()


def test_three_engines_for_three_gpus(engine: EngineFile, manifest: Manifest) -> None:
    assert engine.manifest == manifest
    assert (engine.builder, engine.batch, engine.refine_batch) == (
        "tensorrt_rtx",
        (1, 1, 1),
        (32, 32, 32),
    )
    weights = 19e6
    for plan in (engine.explainer, engine.classifier, engine.refine_classifier):
        assert weights < len(plan) < 1.3 * weights
    assert len(engine.classifier) < len(engine.explainer), "the mask generator is not in it"
    for device in ((8, 6), (8, 9), (12, 0)):
        assert engine.runs_on(device)


def test_a_second_build_gives_the_same_bytes(
    engine: EngineFile, trt: TensorRT, bundled: bytes, manifest: Manifest
) -> None:
    options = BuildOptions(compute_capabilities=engine.compute_capabilities)
    assert compile_model(bundled, manifest, options, trt).to_bytes() == engine.to_bytes()


def test_another_gpu_gives_another_engine(
    engine: EngineFile, trt: TensorRT, bundled: bytes, manifest: Manifest
) -> None:
    other = build_in_subprocess(bundled, (1, 1, 1), BuildOptions(compute_capabilities=((12, 1),)), trt)
    assert other != engine.explainer


def test_a_range_of_batches_and_a_limit_on_memory(trt: TensorRT, toy_path: Path) -> None:
    options = BuildOptions(workspace=64 << 20, compute_capabilities=((8, 6),))
    ranged = build_engine(toy_path.read_bytes(), (1, 4, 16), options, trt)
    single = build_engine(toy_path.read_bytes(), (4, 4, 4), options, trt)
    assert len(ranged) != len(single)


def test_a_model_of_fixed_batch(trt: TensorRT, tmp_path: Path) -> None:
    path = toy.Toy(batch=3).write(tmp_path / "fixed.onnx")
    manifest, model = Manifest.read(path), path.read_bytes()
    engine = compile_model(model, manifest, BuildOptions(), trt)
    assert engine.batch == engine.refine_batch == (3, 3, 3)
    with pytest.raises(ModelError, match=r"MODEL\.onnx --precision fp32 --flavour tensorrt_rtx"):
        engine.check(trt, (8, 6), "another")
    with pytest.raises(BackendError, match="fixed at 3; leave the batch out, or export with --batch 0"):
        compile_model(model, manifest, BuildOptions(batch=(1, 1, 1)), trt)


@pytest.mark.parametrize("batch", [(0, 1, 1), (2, 1, 4), (1, 5, 4)])
def test_a_batch_that_is_no_range(batch: tuple[int, int, int]) -> None:
    with pytest.raises(BackendError, match="give smallest <= best <= largest"):
        BuildOptions(batch=batch)


def test_a_gpu_that_is_not_compiled_for(trt: TensorRT, bundled: bytes, manifest: Manifest) -> None:
    with pytest.raises(BackendError, match=r"capability 9\.0; choose among 7\.5, .*12\.0") as caught:
        compile_model(bundled, manifest, BuildOptions(compute_capabilities=((8, 6), (9, 0))), trt)
    assert "8.6" in str(caught.value).split("choose among")[1]


def test_a_controller_without_a_kernel_takes_no_plugin(
    trt: TensorRT, bundled: bytes, manifest: Manifest
) -> None:
    square = replace(manifest, controller={"name": "square"})
    with pytest.raises(BackendError, match=r"'square' has no kernel \(ct, bt, minmax have\)"):
        compile_model(bundled, square, BuildOptions(plugin=True), trt)


def test_every_node_that_cannot_be_taken_is_named_with_a_way_out(trt: TensorRT, bundled: bytes) -> None:
    model = onnx.load_from_string(spoilt(bundled, antialias=1))
    model.graph.node[-2].op_type, model.graph.node[-2].domain = "Frobnicate", "mine"
    model.opset_import.append(helper.make_opsetid("mine", 1))
    with pytest.raises(BackendError) as caught:
        build_engine(model.SerializeToString(), (1, 1, 1), BuildOptions(), trt)
    message = str(caught.value)
    assert "2 nodes" in message
    assert "'the_last_resize'" in message
    assert "Antialiasing is not supported" in message, "TensorRT's own words"
    assert "resize without antialias" in message
    assert "Frobnicate" in message
    assert "standard ONNX operators" in message
    assert "\n" not in message


def test_coordinates_that_cannot_be_taken(trt: TensorRT, bundled: bytes) -> None:
    wrong = spoilt(bundled, coordinate_transformation_mode="half_pixel_symmetric")
    with pytest.raises(
        BackendError, match=r"a node of.*'the_last_resize'.*resize with half_pixel coordinates"
    ):
        build_engine(wrong, (1, 1, 1), BuildOptions(), trt)


def test_a_failed_build_says_why_in_tensorrts_words(
    trt: TensorRT, toy_path: Path, manifest: Manifest
) -> None:
    options = BuildOptions(workspace=1, compute_capabilities=((8, 6),))
    with pytest.raises(BackendError, match=r"TensorRT-RTX [\d.]+ cannot build the engine: .*Error Code"):
        build_in_subprocess(toy_path.read_bytes(), (1, 1, 1), options, trt)


def test_a_build_that_ends_its_process_ends_nothing_else(
    trt: TensorRT, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ncat >/dev/null\necho 'terminate called' >&2\nkill -ABRT $$\n")
    python.chmod(0o755)
    monkeypatch.setattr(worker.sys, "executable", str(python))
    with pytest.raises(BackendError, match="ended with code -6 while building: terminate called"):
        build_in_subprocess(b"", (1, 1, 1), BuildOptions(), trt)


class FullBuilderConfig:
    """As much of full TensorRT's as a timing cache takes."""

    def create_timing_cache(self, known: bytes) -> SimpleNamespace:
        return SimpleNamespace(serialize=lambda: known + b"+")

    def set_timing_cache(self, timings: SimpleNamespace, ignore_mismatch: bool) -> None:
        assert not ignore_mismatch
        self.timings = timings

    def get_timing_cache(self) -> SimpleNamespace:
        return self.timings


def test_full_tensorrt_extends_its_timing_cache(tmp_path: Path) -> None:
    full = TensorRT(SimpleNamespace(), "tensorrt", "11.4")
    options = BuildOptions(timing_cache=tmp_path / "folder" / "timings")
    for _ in range(2):
        config = FullBuilderConfig()
        build._use_timings(config, options, full)
        build._keep_timings(config, options, full)
    assert (tmp_path / "folder" / "timings").read_bytes() == b"++"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["timings"]


def test_tensorrt_rtx_has_no_timing_cache(trt: TensorRT, tmp_path: Path, toy_path: Path) -> None:
    build_engine(toy_path.read_bytes(), (1, 1, 1), BuildOptions(timing_cache=tmp_path / "timings"), trt)
    assert list(tmp_path.iterdir()) == []


def test_full_tensorrt_compiles_for_the_gpu_that_is_here(manifest: Manifest) -> None:
    full = TensorRT(SimpleNamespace(), "tensorrt", "11.4")
    for targets in ((), ((8, 6), (8, 9))):
        with pytest.raises(BackendError, match=r"GPU of this machine only.*--flavour tensorrt_rtx"):
            compile_model(b"", manifest, BuildOptions(compute_capabilities=targets), full)
