from pathlib import Path
from types import SimpleNamespace

import pytest

from whyframe.errors import BackendError
from whyframe.tensorrt import build
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.build import BuildOptions, build_engine


def test_a_range_of_batches_and_a_memory_limit_are_applied(trt: TensorRT, toy_path: Path) -> None:
    options = BuildOptions(workspace=64 << 20, compute_capabilities=((8, 6),))
    ranged = build_engine(toy_path.read_bytes(), (1, 4, 16), options, trt)
    single = build_engine(toy_path.read_bytes(), (4, 4, 4), options, trt)
    assert len(ranged) != len(single)


@pytest.mark.parametrize("batch", [(0, 1, 1), (2, 1, 4), (1, 5, 4)])
def test_a_batch_that_is_not_a_range_is_refused(batch: tuple[int, int, int]) -> None:
    with pytest.raises(BackendError, match="give smallest <= best <= largest"):
        BuildOptions(batch=batch)


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
