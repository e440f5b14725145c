from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from onnx import helper

from whyframe.errors import BackendError
from whyframe.tensorrt import build
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.build import BuildOptions, build_engine


def with_resize(model: bytes, **attributes: object) -> bytes:
    """Return the model with changed attributes of its last resize, which is named ``the_last_resize``."""
    proto = onnx.load_from_string(model)
    node = [node for node in proto.graph.node if node.op_type == "Resize"][-1]
    node.name = "the_last_resize"
    for name, value in attributes.items():
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])
    return proto.SerializeToString()


def test_a_range_of_batches_and_a_memory_limit_are_applied(trt: TensorRT, toy_path: Path) -> None:
    options = BuildOptions(workspace=64 << 20, compute_capabilities=((8, 6),))
    ranged = build_engine(toy_path.read_bytes(), (1, 4, 16), options, trt)
    single = build_engine(toy_path.read_bytes(), (4, 4, 4), options, trt)
    assert len(ranged) != len(single)


@pytest.mark.parametrize("batch", [(0, 1, 1), (2, 1, 4), (1, 5, 4)])
def test_a_batch_that_is_not_a_range_is_refused(batch: tuple[int, int, int]) -> None:
    with pytest.raises(BackendError, match="give smallest <= best <= largest"):
        BuildOptions(batch=batch)


def test_every_unsupported_node_is_named_with_a_fix(trt: TensorRT, bundled: bytes) -> None:
    model = onnx.load_from_string(with_resize(bundled, antialias=1))
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


def test_unsupported_coordinates_are_named_with_a_fix(trt: TensorRT, bundled: bytes) -> None:
    wrong = with_resize(bundled, coordinate_transformation_mode="half_pixel_symmetric")
    with pytest.raises(
        BackendError, match=r"a node of.*'the_last_resize'.*resize with half_pixel coordinates"
    ):
        build_engine(wrong, (1, 1, 1), BuildOptions(), trt)


class FullBuilderConfig:
    """Full TensorRT's builder configuration, reduced to the timing cache."""

    def create_timing_cache(self, timings: bytes) -> SimpleNamespace:
        return SimpleNamespace(serialize=lambda: timings + b"+")

    def set_timing_cache(self, timings: SimpleNamespace, ignore_mismatch: bool) -> None:
        assert not ignore_mismatch
        self.timings = timings

    def get_timing_cache(self) -> SimpleNamespace:
        return self.timings


def test_full_tensorrt_extends_its_timing_cache(tmp_path: Path) -> None:
    """Calls private functions, because `build_engine` of full TensorRT needs a GPU."""
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
