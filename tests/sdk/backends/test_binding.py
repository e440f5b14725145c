import numpy as np
import onnxruntime as ort
import pytest

from helpers import toy
from whyframe.backends.base import CLASSIFIER, OUTPUTS
from whyframe.backends.binding import Binding
from whyframe.backends.onnxruntime import _load


@pytest.fixture
def session(toy_path):
    return ort.InferenceSession(toy_path.read_bytes(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("batch", [1, 3])
def test_bound_runs_give_what_plain_runs_give(session, rng, batch):
    binding = Binding(session, OUTPUTS, batch, "cpu", 0)
    for _ in range(3):
        inputs = {
            "frames": rng.integers(0, 256, (batch, 16, 16, 3), dtype=np.uint8),
            "target": np.full(batch, 2),
        }
        for got, wanted in zip(binding.run(inputs, None), session.run(OUTPUTS, inputs), strict=True):
            np.testing.assert_array_equal(got, wanted)
            assert got.dtype == wanted.dtype


def test_results_outlive_the_next_run(session, rng):
    binding = Binding(session, OUTPUTS, 1, "cpu", 0)
    frames = rng.integers(0, 256, (2, 1, 16, 16, 3), dtype=np.uint8)
    first = binding.run({"frames": frames[0], "target": np.array([-1])}, None)
    kept = [array.copy() for array in first]
    binding.run({"frames": frames[1], "target": np.array([-1])}, None)
    for array, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_part_of_the_outputs_in_the_order_asked(session, rng):
    frames = rng.integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    inputs = {"frames": frames, "target": np.array([-1])}
    (got,) = Binding(session, CLASSIFIER, 1, "cpu", 0).run(inputs, None)
    np.testing.assert_allclose(got, toy.Toy().probabilities(frames), atol=1e-6)
    masks, classes = Binding(session, ("saliency", "class_id"), 1, "cpu", 0).run(inputs, None)
    assert masks.shape == (1, 4, 4)
    assert classes.dtype == np.int64


def test_a_model_that_cannot_be_captured_is_loaded_without_a_graph(monkeypatch):
    """As ONNX Runtime says it where a node of the model stays on the CPU."""
    tried = []

    def session(model, options, providers):
        tried.append(providers)
        if "enable_cuda_graph" in providers[0][1]:
            raise RuntimeError("This session cannot use the graph capture feature as requested by the user")
        return "a session"

    monkeypatch.setattr(ort, "InferenceSession", session)
    settings = ("CUDAExecutionProvider", {"device_id": 0, "enable_cuda_graph": "1"})
    assert _load(b"", None, [settings, "CPUExecutionProvider"]) == "a session"
    assert tried[1] == [("CUDAExecutionProvider", {"device_id": 0}), "CPUExecutionProvider"]


def test_other_failures_are_not_tried_again(monkeypatch):
    def session(model, options, providers):
        raise RuntimeError("no memory")

    monkeypatch.setattr(ort, "InferenceSession", session)
    with pytest.raises(RuntimeError, match="no memory"):
        _load(b"", None, [("CUDAExecutionProvider", {"enable_cuda_graph": "1"})])
