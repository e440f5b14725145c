"""Tests of the driver with a fake pycuda that records calls, their order and their errors."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from whyframe.cuda.pycuda_driver import PyCudaDriver
from whyframe.errors import BackendError


class CudaError(Exception):
    pass


class Allocation:
    """An allocation that records when it is freed."""

    def __init__(self, calls):
        self._calls = calls

    def __int__(self):
        return 1000

    def __del__(self):
        self._calls.append("free")


class Pycuda(ModuleType):
    def __init__(self):
        super().__init__("pycuda.driver")
        self.calls = calls = []
        self.Error = CudaError
        context = SimpleNamespace(push=lambda: calls.append("push"))
        self.init = lambda: calls.append("init")

        class Device:
            count = staticmethod(lambda: 2)

            def __init__(self, index):
                self.index = index

            name = lambda self: f"GPU {self.index}"  # noqa: E731
            compute_capability = lambda self: (8, 6)  # noqa: E731
            retain_primary_context = lambda self: context  # noqa: E731

        class Native:
            handle = 42

            def __init__(self, flags=0):
                calls.append((type(self).__name__, flags))

            def synchronize(self):
                calls.append("synchronize")

        class Memcpy2D:
            def set_src_device(self, pointer):
                self.source = pointer

            def set_dst_device(self, pointer):
                self.destination = pointer

            def __call__(self, stream):
                calls.append(("rows", self.destination, self.source, self.width_in_bytes, self.height))

        self.Device, self.Memcpy2D = Device, Memcpy2D
        self.Context = SimpleNamespace(pop=lambda: calls.append("pop"))
        self.Stream, self.Event = type("Stream", (Native,), {}), type("Event", (Native,), {})
        self.mem_alloc = lambda size: calls.append(("allocate", size)) or Allocation(calls)
        self.pagelocked_empty = np.empty
        self.memcpy_htod_async = lambda to, source, stream: calls.append(("up", to, source.nbytes))
        self.memcpy_dtoh_async = lambda to, source, stream: calls.append(("down", source))
        self.memcpy_dtod_async = lambda to, source, size, stream: calls.append(("copy", to, source, size))


@pytest.fixture
def pycuda(monkeypatch):
    driver, package = Pycuda(), ModuleType("pycuda")
    package.driver = driver
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    return driver


def test_the_primary_context_is_pushed_once_in_nested_calls(pycuda):
    driver = PyCudaDriver(1)
    assert (driver.name, driver.compute_capability, driver.index) == ("GPU 1", (8, 6), 1)
    with driver.current():
        with driver.current():
            memory = driver.allocate(8)
        assert pycuda.calls.count("pop") == 0
    assert pycuda.calls == ["init", "push", ("allocate", 8), "pop"]
    assert (memory.pointer, memory.size) == (1000, 8)


def test_memory_is_freed_in_its_context(pycuda):
    driver = PyCudaDriver(0)
    with driver.current():
        memory = driver.allocate(8)
    pycuda.calls.clear()
    del memory
    assert pycuda.calls == ["push", "free", "pop"]


def test_a_view_of_pinned_memory_keeps_it_pinned(pycuda):
    driver = PyCudaDriver(0)
    freed = []
    pycuda.pagelocked_empty = lambda shape, dtype: np.full(shape, 3, dtype).view(Watched)
    Watched.freed = freed
    with driver.current():
        view = driver.pinned((4, 4), np.uint8)[1:]
        assert view.tolist() == [[3] * 4] * 3
    assert freed == []
    del view
    assert freed


class Watched(np.ndarray):
    def __del__(self):
        type(self).freed.append(True)


def test_the_context_is_popped_after_an_error_with_cudas_message(pycuda):
    driver = PyCudaDriver(0)

    def fail(size):
        raise CudaError("cuMemAlloc failed: out of memory")

    pycuda.mem_alloc = fail
    with pytest.raises(BackendError, match="out of memory"), driver.current():
        driver.allocate(8)
    assert pycuda.calls == ["init", "push", "pop"]


def test_a_missing_device_is_an_error(pycuda):
    with pytest.raises(BackendError, match=r"no cuda:2: this machine has 2"):
        PyCudaDriver(2)


def test_copies_pass_their_addresses_and_sizes(pycuda):
    driver = PyCudaDriver(0)
    with driver.current():
        stream = driver.stream()
        assert stream.handle == 42
        assert ("Stream", 1) in pycuda.calls  # the flag: it does not wait for the default stream
        driver.upload(5, np.zeros(3), stream)
        driver.download(np.zeros(3), 6, stream)
        driver.copy(7, 8, 9, stream)
        driver.copy_rows(10, 4, 11, 40, 4, 3, stream)
    assert pycuda.calls[-5:-1] == [("up", 5, 24), ("down", 6), ("copy", 7, 8, 9), ("rows", 10, 11, 4, 3)]


def test_without_pycuda_the_message_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(BackendError, match=r"pip install 'whyframe\[pycuda\]'"):
        PyCudaDriver(0)
