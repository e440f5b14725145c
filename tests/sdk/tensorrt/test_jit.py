from types import SimpleNamespace

import pytest

from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.jit import RuntimeSettings


class Cache:
    def __init__(self):
        self.content, self.given = b"compiled here", []

    def deserialize(self, blob):
        self.given.append(blob)
        return True

    def serialize(self):
        return self.content


class Config:
    def __init__(self):
        self.cache, self.set = Cache(), []

    def set_execution_context_allocation_strategy(self, strategy):
        self.set.append(strategy)

    def create_runtime_cache(self):
        return self.cache

    def set_runtime_cache(self, cache):
        assert cache is self.cache
        self.set.append("cache")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WHYFRAME_CACHE", str(tmp_path / "engines"))
    return tmp_path / "engines"


def settings(plan=b"plan"):
    module = SimpleNamespace(
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED="user managed"),
        DynamicShapesKernelSpecializationStrategy=SimpleNamespace(EAGER="eager"),
    )
    config = Config()
    made = RuntimeSettings(
        TensorRT(module, "tensorrt_rtx", "1.7"), SimpleNamespace(create_runtime_config=lambda: config), plan
    )
    return made, config


def test_contexts_use_the_callers_memory_and_eager_kernels(folder):
    _, config = settings()
    assert config.set == ["user managed", "cache"]
    assert config.dynamic_shapes_kernel_specialization_strategy == "eager"
    assert config.cache.given == []


def test_compiled_kernels_are_reused_by_the_next_start_of_the_same_engine(folder):
    first, _ = settings()
    first.keep()
    _, again = settings()
    assert again.cache.given == [b"compiled here"]
    _, other = settings(b"another plan")
    assert other.cache.given == []


def test_unchanged_kernels_are_not_written_again(folder):
    first, _ = settings()
    first.keep()
    (path,) = folder.iterdir()
    path.unlink()
    first.keep()
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("a file, not a folder")
    monkeypatch.setenv("WHYFRAME_CACHE", str(tmp_path / "file" / "engines"))
    made, _ = settings()
    made.keep()


def test_tensorrt_rtx_has_the_runtime_configuration(trt):
    for name in ("create_runtime_cache", "set_runtime_cache", "set_execution_context_allocation_strategy"):
        assert hasattr(trt.module.IRuntimeConfig, name)
