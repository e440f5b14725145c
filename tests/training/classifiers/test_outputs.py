"""Networks whose last layer is something else than logits keep the probabilities that their own outputs mean."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from helpers import tiny_network
from helpers.tiny_network import CLASSES, SIDE
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.classifiers.networks import ClassifierError, ClassifierSpec, build_network
from whyframe_training.classifiers.outputs import LogitAdapter, Outputs, adapt_outputs, to_tensor
from whyframe_training.predictor.mask_predictor import ClassActivationMap


class Ending(nn.Module):
    """The tiny network with another last step, and with a single output where asked for."""

    def __init__(self, ending: Callable[[Tensor], object], single: bool = False, scale: float = 1.0) -> None:
        super().__init__()
        self.tiny, self.ending = tiny_network.build(), ending
        with torch.no_grad():
            self.tiny.fc.weight *= scale
        if single:
            layer = nn.Linear(self.tiny.fc.in_features, 1)
            with torch.no_grad():
                layer.weight.copy_(self.tiny.fc.weight[:1] - self.tiny.fc.weight[1:2])
                layer.bias.fill_(0.1)
            self.tiny.fc = layer

    def forward(self, x: Tensor) -> object:
        return self.ending(self.tiny(x))


def images(count: int = 6) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))


def classifier(network: nn.Module, classes: int = CLASSES, **options: str) -> Classifier:
    labels = [f"class {index}" for index in range(classes)]
    return Classifier(network, name="tiny", labels=labels, input=InputSpec.square(SIDE), **options)


def softmax(x: Tensor) -> Tensor:
    return x.softmax(1)


def probabilities(found: Classifier) -> Tensor:
    with torch.no_grad():
        return found.logits(images()).softmax(1)


@pytest.mark.parametrize(
    ("ending", "outputs"),
    [
        (lambda x: x, Outputs.logits),
        (lambda x: {"features": None, "logits": x}, Outputs.logits),
        (lambda x: OrderedDict(out=x, aux=x + 1), Outputs.logits),
        (lambda x: (x, x + 1), Outputs.logits),
        (lambda x: [x], Outputs.logits),
        (lambda x: x[:, :, None, None], Outputs.logits),
        (lambda x: x.log_softmax(1), Outputs.log_probabilities),
        (softmax, Outputs.probabilities),
        (lambda x: (x.softmax(1),), Outputs.probabilities),
    ],
)
def test_the_probabilities_are_those_of_the_networks_own_outputs(ending, outputs: Outputs) -> None:
    found = classifier(Ending(ending))
    assert found.outputs is outputs
    with torch.no_grad():
        expected = tiny_network.build()(found.normalise(images())).softmax(1)
    torch.testing.assert_close(probabilities(found), expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("ending", "activation", "outputs"),
    [
        (lambda x: x, "auto", Outputs.single_logit),
        (lambda x: x, "sigmoid", Outputs.single_logit),
        (torch.sigmoid, "none", Outputs.single_probability),
    ],
)
def test_a_single_output_becomes_two_classes(ending, activation: str, outputs: Outputs) -> None:
    network = Ending(ending, single=True, scale=5)
    found = Classifier(
        network, name="tiny", labels=["cat"], input=InputSpec.square(SIDE), activation=activation
    )
    assert found.labels == ("not cat", "cat")
    assert found.outputs is outputs
    with torch.no_grad():
        positive = network.tiny(found.normalise(images())).sigmoid()
    torch.testing.assert_close(
        probabilities(found), torch.cat((1 - positive, positive), 1), atol=1e-6, rtol=1e-4
    )


def test_certain_probabilities_stay_certain() -> None:
    adapter = LogitAdapter(nn.Identity(), Outputs.probabilities)
    given = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1e-30, 1.0, 1e-20]])
    torch.testing.assert_close(adapter(given).softmax(1), given)
    adapter = LogitAdapter(nn.Identity(), Outputs.single_probability)
    given = torch.tensor([[1.0], [0.0], [0.25]])
    torch.testing.assert_close(adapter(given).softmax(1)[:, 1:], given)


def test_a_network_that_returns_plain_logits_is_not_wrapped() -> None:
    network = tiny_network.build()
    assert adapt_outputs(network, "tiny", InputSpec.square(SIDE))[0] is network


@pytest.mark.parametrize("ending", [softmax, lambda x: x.log_softmax(1), lambda x: {"logits": x}])
def test_the_class_activation_map_does_not_depend_on_the_last_step(ending) -> None:
    plain, wrapped = classifier(tiny_network.build()), classifier(Ending(ending))
    target = torch.arange(6) % CLASSES
    with torch.no_grad():
        maps = [ClassActivationMap(each)(each(images()).stages, target) for each in (plain, wrapped)]
    torch.testing.assert_close(maps[0], maps[1])


def test_the_class_activation_map_of_a_single_logit_is_opposite_for_the_two_classes() -> None:
    found = classifier(Ending(lambda x: x, single=True, scale=5), classes=2)
    cam = ClassActivationMap(found)
    with torch.no_grad():
        stages = found(images()).stages
        absent, present = (cam.logit_map(stages, torch.full((6,), each)) for each in (0, 1))
    torch.testing.assert_close(absent, -present)


@pytest.mark.parametrize(
    ("network", "activation", "message"),
    [
        (
            Ending(torch.sigmoid, single=True),
            "auto",
            "the single output of tiny lies in .0, 1. on noise: pass",
        ),
        (Ending(torch.sigmoid), "auto", "several labels are not supported yet"),
        (Ending(lambda x: x), "sigmoid", "tiny has 5 outputs: --activation sigmoid takes"),
        (Ending(lambda x: x, single=True), "softmax", "a single output, of which softmax is always 1"),
        (Ending(lambda x: x), "none", "are not probabilities whose sum is 1"),
        (Ending(lambda x: x), "tanh", "there is no activation 'tanh': choose auto, softmax"),
        (Ending(lambda x: {"a": x, "b": x}), "auto", "returns a dict with a, b: name its logits 'logits'"),
        (
            Ending(lambda x: x[:, :, None]),
            "auto",
            r"a tensor of shape \(8, 5, 1\): return N x classes logits",
        ),
        (Ending(lambda x: "text"), "auto", "returns str: return N x classes logits"),
        (Ending(lambda x: x @ x), "auto", r"tiny cannot process N x 3 x 64 x 64 images \(RuntimeError: "),
    ],
)
def test_outputs_that_are_not_understood_are_refused_in_one_line(
    network: nn.Module, activation: str, message: str
) -> None:
    with pytest.raises(ClassifierError, match=message) as caught:
        adapt_outputs(network.eval(), "tiny", InputSpec.square(SIDE), activation)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import absent_package", r"net\.py failed: ModuleNotFoundError"),
        ("def build(:", r"net\.py failed: SyntaxError"),
        (
            "def build():\n    raise RuntimeError('no\\nluck')",
            r"build\(\) in .*net\.py failed: RuntimeError: no luck",
        ),
        ("def build(): return 3", "returned int, not an nn.Module"),
    ],
)
def test_an_error_in_a_users_file_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(text)
    with pytest.raises(ClassifierError, match=message) as caught:
        build_network(ClassifierSpec(f"{tmp_path / 'net.py'}:build"), CLASSES)
    assert "\n" not in str(caught.value)


def test_a_named_tuple_like_output_is_unwrapped_at_any_depth() -> None:
    logits = torch.rand(2, 3)
    assert to_tensor(({"logits": logits[:, :, None, None]}, None)).equal(logits)


def test_a_named_network_is_known_to_return_logits(tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"class {index}" for index in range(CLASSES)))
    found = build_classifier(
        ClassifierSpec("squeezenet1_1", "random", str(labels))
    )  # small logits of at least 0
    assert found.outputs is Outputs.logits
