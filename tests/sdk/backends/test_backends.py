import pytest

from whyframe.backends import open_backend
from whyframe.errors import BackendError, ModelError


@pytest.fixture
def content(toy_path):
    return toy_path.read_bytes()


def test_auto_gives_the_reason_of_its_choice(content):
    backend = open_backend("auto", content, threads=1)
    assert (backend.name, backend.device) == ("onnxruntime", "cpu")
    assert "auto" in backend.reason
    assert open_backend("onnxruntime", content, threads=1).reason == "requested"


@pytest.mark.parametrize(
    ("name", "device", "threads", "message"),
    [
        ("tensorrt", "cpu", None, "runs on a GPU, not on 'cpu'"),
        ("openvino", "cpu", None, "choose one of auto, onnxruntime"),
        ("onnxruntime", "gpu", None, "'cuda:0' for the first GPU"),
        ("onnxruntime", "cuda", None, "'cuda:0'"),
        ("onnxruntime", "cuda:x", None, "'cuda:0'"),
        ("auto", "tpu", None, "no device 'tpu'"),
        ("onnxruntime", "cpu", 0, "at least 1"),
    ],
)
def test_what_is_not_available_is_refused(content, name, device, threads, message):
    with pytest.raises(BackendError, match=message):
        open_backend(name, content, device, threads)


@pytest.mark.parametrize("name", ["auto", "onnxruntime"])
def test_cuda_never_becomes_the_cpu(content, name, monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(BackendError, match="pip install onnxruntime-gpu"):
        open_backend(name, content, "cuda:0", 1)


def test_a_cuda_that_does_not_start_never_becomes_the_cpu(content, monkeypatch):
    import onnxruntime

    real = onnxruntime.InferenceSession

    def silently_on_the_cpu(model, options, providers):
        return real(model, options, providers=["CPUExecutionProvider"])

    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: providers)
    monkeypatch.setattr("onnxruntime.InferenceSession", silently_on_the_cpu)
    with pytest.raises(BackendError, match="would have used the CPU"):
        open_backend("auto", content, "cuda:0", 1)


def test_a_model_that_cannot_be_loaded_is_refused():
    with pytest.raises(ModelError, match="cannot load the model") as caught:
        open_backend("auto", b"\x08\x0aabc", threads=1)
    assert "\n" not in str(caught.value)
