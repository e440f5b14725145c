import numpy as np
import onnxruntime as ort
import pytest

from helpers import toy
from whyframe.backends import open_backend
from whyframe.errors import ModelError


@pytest.fixture
def frames(rng):
    return rng.integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("batch", [None, 1, 2, 5, 8])
def test_any_number_of_frames_in_any_batch(tmp_path, frames, batch):
    model = toy.Toy(batch=batch)
    backend = open_backend("auto", model.write(tmp_path / "toy.onnx").read_bytes(), threads=1)
    assert (backend.batch, backend.input_shape) == (batch, (16, 16, 3))
    targets = np.array([-1, 0, 4, 2, -1])
    expected = model.reference(frames, targets)
    for got, want in zip(backend.explain(frames, targets), expected, strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, atol=1e-5)
    np.testing.assert_allclose(backend.classify(frames), expected[0], atol=1e-6)


def test_classify_executes_only_the_classifier(tmp_path, frames):
    """Explaining fails at run time in this model, so classifying works only if it does not execute that part."""
    content = toy.write(tmp_path / "toy.onnx", breaks_when=-1).read_bytes()
    backend = open_backend("auto", content, threads=1)
    np.testing.assert_allclose(backend.classify(frames), toy.Toy().probabilities(frames), atol=1e-6)
    with pytest.raises(ModelError, match="ONNX Runtime failed") as caught:
        backend.explain(frames, np.full(5, -1))
    assert "\n" not in str(caught.value)


def test_nothing_is_printed_when_it_fails(tmp_path, frames, capfd):
    content = toy.write(tmp_path / "toy.onnx", breaks_when=-1).read_bytes()
    backend = open_backend("auto", content, threads=1)
    with pytest.raises(ModelError):
        backend.explain(frames, np.full(5, -1))
    assert capfd.readouterr() == ("", "")


def test_a_clone_outlives_its_original(toy_path, frames):
    backend = open_backend("auto", toy_path.read_bytes(), threads=1)
    clone = backend.clone()
    backend.close()
    assert clone.classify(frames).shape == (5, 5)


def test_workers_are_one_for_each_thread_and_agree_with_the_backend(toy_path, frames):
    targets = np.full(len(frames), -1)
    backend = open_backend("onnxruntime", toy_path.read_bytes(), "cpu", 3)
    workers = backend.workers()
    assert len(workers) == 3
    backend.close()
    expected = open_backend("onnxruntime", toy_path.read_bytes(), "cpu", 1)
    assert len(expected.workers()) == 1
    for worker in workers:
        for ours, theirs in zip(
            worker.explain(frames, targets), expected.explain(frames, targets), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.fixture
def providers_tried(monkeypatch):
    """Providers of each session that is opened; one that captures CUDA graphs fails, others run on the CPU."""
    tried = []

    class Session(ort.InferenceSession):
        def __init__(self, model, options, providers):
            tried.append(providers)
            if "enable_cuda_graph" in providers[0][1]:
                raise RuntimeError(failure["message"])
            super().__init__(model, options, providers=["CPUExecutionProvider"])

        def get_providers(self):
            return ["CUDAExecutionProvider"]

    failure = {"message": "This session cannot use the graph capture feature as requested by the user"}
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", Session)
    return tried, failure


def test_a_model_that_cannot_be_captured_is_loaded_without_a_graph(toy_path, providers_tried):
    tried, _ = providers_tried
    open_backend("onnxruntime", toy_path.read_bytes(), "cuda:0", 1)
    assert tried == [
        [("CUDAExecutionProvider", {"device_id": 0, "enable_cuda_graph": "1"}), "CPUExecutionProvider"],
        [("CUDAExecutionProvider", {"device_id": 0}), "CPUExecutionProvider"],
    ]


def test_a_model_that_fails_otherwise_is_not_loaded_again(toy_path, providers_tried):
    tried, failure = providers_tried
    failure["message"] = "no memory"
    with pytest.raises(ModelError, match="no memory"):
        open_backend("onnxruntime", toy_path.read_bytes(), "cuda:0", 1)
    assert len(tried) == 1
