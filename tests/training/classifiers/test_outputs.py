"""Networks whose last layer is something else than logits keep the probabilities that their own outputs mean."""

from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from helpers import tiny_network
from helpers.tiny_network import CLASSES, SIDE, Ending
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.classifiers.networks import ClassifierError, ClassifierSpec, build_network
from whyframe_training.classifiers.output_meaning import adapt_outputs
from whyframe_training.classifiers.outputs import LogitAdapter, Outputs, to_tensor
from whyframe_training.predictor.class_activation_map import ClassActivationMap


def images(count: int = 6) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))


def classifier(network: nn.Module, classes: int = CLASSES, **options: str) -> Classifier:
    labels = [f"class {index}" for index in range(classes)]
    return Classifier(network, name="tiny", labels=labels, input=InputSpec.square(SIDE), **options)


def softmax(x: Tensor) -> Tensor:
    return x.softmax(1)


def probabilities(found: Classifier) -> Tensor:
    with torch.no_grad():
        return found.probabilities(images())


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
        (lambda x: SimpleNamespace(loss=None, logits=x), Outputs.logits),
        (lambda x: {"prediction": x}, Outputs.logits),
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


@pytest.mark.parametrize(
    ("ending", "activation", "outputs"),
    [
        (lambda x: x, "sigmoid", Outputs.independent_logits),
        (lambda x: {"logits": x}, "sigmoid", Outputs.independent_logits),
        (torch.sigmoid, "none", Outputs.independent_probabilities),
        (torch.sigmoid, "auto", Outputs.independent_probabilities),
        (lambda x: (x.sigmoid(),), "auto", Outputs.independent_probabilities),
    ],
)
def test_independent_labels_have_independent_probabilities(ending, activation: str, outputs: Outputs) -> None:
    found = classifier(Ending(ending), activation=activation)
    assert found.outputs is outputs and not found.exclusive
    with torch.no_grad():
        expected = tiny_network.build()(found.normalise(images())).sigmoid()
        features, exact = found.classified_features(found.normalise(images()))
    torch.testing.assert_close(probabilities(found), expected, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(exact, expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.own_probabilities(images()), expected)
    torch.testing.assert_close(features.logits, torch.logit(expected), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(expected.sum(1), torch.ones(6), atol=0.1)


@pytest.mark.parametrize(
    ("single", "ending"), [(False, softmax), (False, torch.sigmoid), (True, torch.sigmoid)]
)
def test_probabilities_that_the_network_gives_are_not_changed(single: bool, ending) -> None:
    found = classifier(Ending(ending, single=single), classes=2 if single else CLASSES)
    with torch.no_grad():
        given = found.module.network(found.normalise(images()))
        exact = found.classified_features(found.normalise(images()))[1]
    assert exact[:, -given.shape[1] :].equal(given)


def test_certain_probabilities_stay_certain() -> None:
    adapter = LogitAdapter(nn.Identity(), Outputs.probabilities)
    given = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1e-30, 1.0, 1e-20]])
    torch.testing.assert_close(adapter(given).softmax(1), given)
    adapter = LogitAdapter(nn.Identity(), Outputs.single_probability)
    given = torch.tensor([[1.0], [0.0], [0.25]])
    torch.testing.assert_close(adapter(given).softmax(1)[:, 1:], given)
    adapter = LogitAdapter(nn.Identity(), Outputs.independent_probabilities)
    given = torch.tensor([[1.0, 0.0, 0.3], [1e-20, 1 - 1e-6, 0.5]])
    torch.testing.assert_close(adapter(given).sigmoid(), given)


def test_a_network_that_returns_plain_logits_is_not_wrapped() -> None:
    network = tiny_network.build()
    assert adapt_outputs(network, "tiny", images()).module is network
    assert adapt_outputs(network, "tiny", images(), "sigmoid").module is network


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


def test_a_squeezed_single_output_is_a_column() -> None:
    assert to_tensor(torch.rand(6)).shape == (6, 1)
    found = classifier(Ending(lambda x: x.squeeze(1), single=True, scale=5), classes=2)
    torch.testing.assert_close(probabilities(found), found.own_probabilities(images()))


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
