import numpy as np
import onnxruntime as ort
import pytest

from helpers import toy
from whyframe.backends.base import CLASSIFIER, OUTPUTS
from whyframe.backends.binding import Binding


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


def test_results_are_unchanged_by_the_next_run(session, rng):
    binding = Binding(session, OUTPUTS, 1, "cpu", 0)
    frames = rng.integers(0, 256, (2, 1, 16, 16, 3), dtype=np.uint8)
    first = binding.run({"frames": frames[0], "target": np.array([-1])}, None)
    kept = [array.copy() for array in first]
    binding.run({"frames": frames[1], "target": np.array([-1])}, None)
    for array, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_outputs_come_in_the_requested_order(session, rng):
    frames = rng.integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    inputs = {"frames": frames, "target": np.array([-1])}
    (got,) = Binding(session, CLASSIFIER, 1, "cpu", 0).run(inputs, None)
    np.testing.assert_allclose(got, toy.Toy().probabilities(frames), atol=1e-6)
    masks, classes = Binding(session, ("saliency", "class_id"), 1, "cpu", 0).run(inputs, None)
    assert masks.shape == (1, 4, 4)
    assert classes.dtype == np.int64
