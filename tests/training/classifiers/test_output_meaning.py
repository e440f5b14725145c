"""What the outputs of a network mean is found on photographs, said, and asked for where it cannot be known."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from helpers import tiny_network
from helpers.tiny_network import SIDE, Ending
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.networks import ClassifierError
from whyframe_training.classifiers.output_meaning import AdaptedNetwork, adapt_outputs
from whyframe_training.classifiers.outputs import Outputs
from whyframe_training.classifiers.probe_images import probe_images


def images() -> Tensor:
    return probe_images(InputSpec.square(SIDE)) * 4 - 2


def examine(network: nn.Module, activation: str = "auto") -> AdaptedNetwork:
    return adapt_outputs(network.eval(), "tiny", images(), activation)


def configured(network: nn.Module, problem: str | None) -> nn.Module:
    network.config = SimpleNamespace(problem_type=problem)
    return network


def absent(x: Tensor) -> Tensor:
    return x - 9


@pytest.mark.parametrize(
    ("network", "outputs", "note"),
    [
        (Ending(lambda x: x), Outputs.logits, "softmax is assumed: pass --activation sigmoid if they are indep"),
        (Ending(torch.sigmoid), Outputs.independent_probabilities, r"multi-label.*the network ends in a sigmoid"),
        (Ending(torch.sigmoid, single=True), Outputs.single_probability, "the network ends in a sigmoid"),
        (Ending(lambda x: x.sigmoid()[:, None, :].mean(1)), Outputs.independent_probabilities, "sigmoid"),
        (Ending(lambda x: x.softmax(1)), Outputs.probabilities, "reported as they are"),
        (Ending(lambda x: x.log_softmax(1)), Outputs.log_probabilities, "logarithms"),
        (Ending(lambda x: 0.01 * x + 0.5), Outputs.logits, "softmax is assumed"),
        (Ending(lambda x: 0.01 * x + 0.5, single=True), Outputs.single_logit, "a single logit"),
        (configured(Ending(lambda x: x), "multi_label_classification"), Outputs.independent_logits, "says multi_"),
        (configured(Ending(absent), "single_label_classification"), Outputs.logits, "says single_label"),
        (configured(Ending(lambda x: x), None), Outputs.logits, "softmax is assumed"),
    ],
)  # fmt: skip
def test_the_meaning_is_found_and_said(network: nn.Module, outputs: Outputs, note: str) -> None:
    found = examine(network)
    assert found.outputs is outputs
    assert found.note.startswith(outputs.value)
    with pytest.raises(AssertionError, match=note):
        raise AssertionError(found.note)


@pytest.mark.parametrize(
    ("network", "activation", "outputs"),
    [
        (Ending(lambda x: x), "sigmoid", Outputs.independent_logits),
        (Ending(absent), "sigmoid", Outputs.independent_logits),
        (Ending(absent), "softmax", Outputs.logits),
        (Ending(lambda x: x.log_softmax(1)), "softmax", Outputs.logits),
        (Ending(lambda x: x.log_softmax(1)), "none", Outputs.log_probabilities),
        (Ending(lambda x: x.softmax(1)), "none", Outputs.probabilities),
        (Ending(torch.sigmoid), "none", Outputs.independent_probabilities),
        (Ending(lambda x: x.clamp(0, 1)), "none", Outputs.independent_probabilities),
        (Ending(lambda x: x, single=True), "sigmoid", Outputs.single_logit),
    ],
)
def test_the_stated_activation_is_taken(network: nn.Module, activation: str, outputs: Outputs) -> None:
    assert examine(network, activation).outputs is outputs


@pytest.mark.parametrize(
    ("network", "activation", "message"),
    [
        (Ending(lambda x: x.clamp(0, 1), single=True), "auto", "the single output of tiny lies in .0, 1. on photo"),
        (Ending(lambda x: x.clamp(0, 1)), "auto", "their sum is not 1: pass --activation softmax if they are logits"),
        (Ending(absent), "auto", "nearly all negative on photographs.*pass --activation sigmoid if several labels"),
        (Ending(nn.functional.logsigmoid), "auto", "ends in a log-sigmoid: return the logits before it"),
        (configured(Ending(lambda x: x), "regression"), "auto", "says regression: whyframe explains classes"),
        (Ending(lambda x: x * torch.nan), "auto", "values that are not numbers on photographs: check its weights"),
        (Ending(lambda x: x.argmax(1)), "auto", "returns int64 numbers: return N x classes logits"),
        (Ending(lambda x: x, single=True), "softmax", "a single output, of which softmax is always 1"),
        (Ending(lambda x: x.softmax(1)), "softmax", "are probabilities already, whose sum is 1: pass --activation no"),
        (Ending(lambda x: x.softmax(1)), "sigmoid", "are probabilities already, whose sum is 1: pass --activation no"),
        (Ending(torch.sigmoid), "sigmoid", "tiny ends in a sigmoid already: pass --activation none"),
        (Ending(torch.sigmoid, single=True), "sigmoid", "tiny ends in a sigmoid already: pass --activation none"),
        (Ending(lambda x: x.log_softmax(1)), "sigmoid", "are logarithms of probabilities: pass --activation softmax"),
        (Ending(lambda x: x), "none", r"are not probabilities, they lie in \[-.*pass --activation softmax or sigmoid"),
        (Ending(lambda x: x), "tanh", "there is no activation 'tanh': choose auto, softmax"),
        (Ending(lambda x: {"a": x, "b": x}), "auto", "returns a dict with a, b: name its logits 'logits'"),
        (Ending(lambda x: x[:, :, None]), "auto", r"a tensor of shape \(6, 5, 1\): return N x classes logits"),
        (Ending(lambda x: "text"), "auto", "returns str: return N x classes logits"),
        (Ending(lambda x: x @ x), "auto", r"tiny cannot process N x 3 x 64 x 64 images: .*RuntimeError: "),
    ],
)  # fmt: skip
def test_outputs_that_are_not_understood_are_refused_in_one_line(
    network: nn.Module, activation: str, message: str
) -> None:
    with pytest.raises(ClassifierError, match=message) as caught:
        examine(network, activation)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("problem", ["multi_label_classification", "single_label_classification", None])
def test_the_problem_type_of_a_hugging_face_model_decides(problem: str | None) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 1], "num_labels": 4}
    config = transformers.ResNetConfig(**sizes, layer_type="basic", problem_type=problem)
    torch.manual_seed(0)
    network = transformers.ResNetForImageClassification(config).eval()
    found = examine(network)
    is_multi_label = problem == "multi_label_classification"
    assert found.outputs is (Outputs.independent_logits if is_multi_label else Outputs.logits)
    with torch.no_grad():
        torch.testing.assert_close(found.module(images()), network(images()).logits)


def test_the_probe_images_are_photographs_and_noise() -> None:
    probes = probe_images(InputSpec(height=32, width=48, channels=1, color="grey", mean=(0.5,), std=(0.5,)))
    assert probes.shape == (6, 1, 32, 48)
    assert float(probes.min()) >= 0 and float(probes.max()) <= 1
    neighbours = (probes[..., 1:] - probes[..., :-1]).abs().mean(dim=(1, 2, 3))
    assert float(neighbours[:4].max()) < 0.12 < 0.3 < float(neighbours[4:].min())


def test_a_trained_exclusive_network_is_not_taken_for_a_multi_label_one() -> None:
    assert examine(tiny_network.build()).outputs is Outputs.logits
