"""Tests of CUDA graphs with a fake CUDA library that records calls."""

import ctypes
import gc

import pytest

from whyframe.cuda import capture
from whyframe.errors import BackendError


class Libcuda:
    """A CUDA library that records calls; ``fails`` is the name of a function that returns an error."""

    def __init__(self, fails=""):
        self.calls, self.fails = [], fails

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append(name)
            if name == "cuStreamEndCapture":
                arguments[1]._obj.value = 7
            if name == "cuGetErrorString":
                arguments[1]._obj.value = b"operation not permitted"
            return 900 if name == self.fails else 0

        return call


@pytest.fixture
def libcuda(monkeypatch):
    library = Libcuda()
    monkeypatch.setattr(capture, "_library", lambda: library)
    return library


def test_a_capture_is_ended_instantiated_and_launched(libcuda):
    def work():
        assert not gc.isenabled()  # freeing memory would end the capture
        libcuda.calls.append("work")

    graph = capture.capture_stream(3, work)
    graph.launch(3)
    assert gc.isenabled()
    assert libcuda.calls == [
        "cuStreamBeginCapture_v2",
        "work",
        "cuStreamEndCapture",
        "cuGraphInstantiateWithFlags",
        "cuGraphDestroy",
        "cuGraphLaunch",
    ]


def test_a_capture_whose_work_fails_is_ended_and_its_graph_destroyed(libcuda):
    def fail():
        raise BackendError("the engine could not start")

    with pytest.raises(BackendError, match="could not start"):
        capture.capture_stream(3, fail)
    assert libcuda.calls == ["cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphDestroy"]


@pytest.mark.parametrize(
    "fails", ["cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags"]
)
def test_every_return_code_is_checked(libcuda, fails):
    libcuda.fails = fails
    with pytest.raises(BackendError, match=f"{fails} failed with CUDA error 900 .operation not permitted"):
        capture.capture_stream(3, lambda: None)


def test_another_librarys_stream_is_waited_for_by_an_event_that_is_destroyed(libcuda):
    capture.wait_for_stream(3, 4)
    assert libcuda.calls == ["cuEventCreate", "cuEventRecord", "cuStreamWaitEvent", "cuEventDestroy_v2"]


def test_the_declared_signatures_are_c_types():
    """Reads a private table: without a GPU, nothing else can find a mistake in it."""
    for name, arguments in capture._SIGNATURES.items():
        assert name.startswith("cu")
        for argument in arguments:
            ctypes.sizeof(argument)
