import pytest
import torch
from torch import nn

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe.input_spec import InputSpec
from whyframe_evaluation.methods.pass_counter import count_passes
from whyframe_evaluation.methods.rise import Rise
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.classifiers.onnx_runtime import ServingError, onnx_backend

LABELS = [str(i) for i in range(CLASSES)]


@pytest.fixture(scope="module")
def tiny() -> Classifier:
    return Classifier(build(), name="tiny", labels=LABELS, input=InputSpec.square(SIDE))


def images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(count))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_same_logits_for_any_number_of_images(tiny: Classifier, count: int) -> None:
    with torch.no_grad():
        own = tiny.logits(images(count))
        with onnx_backend(tiny):
            assert tiny.onnx_backend is not None
            other = tiny.logits(images(count))
    assert tiny.onnx_backend is None
    torch.testing.assert_close(other, own, rtol=1e-4, atol=1e-4)
    assert not torch.equal(other, own)  # another program's rounding: it is not PyTorch that answered


def test_gradients_and_features_stay_pytorchs(tiny: Classifier) -> None:
    leaf = images(2).requires_grad_()
    with onnx_backend(tiny):
        with torch.no_grad():
            assert len(tiny(images(2)).stages) == 4
        tiny.logits(leaf)[:, 0].sum().backward()
    assert leaf.grad is not None


def test_passes_are_counted_all_the_same(tiny: Classifier) -> None:
    with onnx_backend(tiny), count_passes(tiny) as passes:
        served_map = Rise(samples=40).explain(tiny, images(2), torch.tensor([4, 0]))
    assert (passes.forward, passes.backward) == (80, 0)
    own_map = Rise(samples=40).explain(tiny, images(2), torch.tensor([4, 0]))
    torch.testing.assert_close(served_map, own_map, rtol=1e-3, atol=1e-5)


def test_the_error_of_a_network_that_cannot_be_exported_is_a_single_line() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = build()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if float(x.sum()) > 1e9:  # depends on the data
                return self.inner(x) * 0
            return self.inner(x)

    odd = Classifier(Odd(), name="odd", labels=LABELS, input=InputSpec.square(SIDE))
    with pytest.raises(ServingError, match="odd cannot be exported to ONNX") as caught, onnx_backend(odd):
        pass
    assert "\n" not in str(caught.value)
    assert odd.onnx_backend is None
