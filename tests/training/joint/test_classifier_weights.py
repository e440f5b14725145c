from pathlib import Path

import pytest
import torch
from torch import nn

from helpers.tiny_network import SIDE, build
from helpers.tiny_run import TINY
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.classifiers.folding import fold_batch_norms
from whyframe_training.classifiers.networks import ClassifierError, ClassifierSpec
from whyframe_training.joint.classifier_weights import (
    last_linear,
    save_weights,
    starting_network,
    unfold_batch_norms,
)


class Plain(nn.Module):
    """Convolutions with and without bias, batch norms with and without weights; a norm follows no convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=4, padding=1)
        self.first_norm = nn.BatchNorm2d(8, affine=False)
        self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(8, eps=1e-3)
        self.lone_norm = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first_norm(self.first(x)))
        x = self.lone_norm(torch.relu(self.second_norm(self.second(x))))
        return self.fc(x.mean(dim=(2, 3)))


def plain() -> nn.Module:
    torch.manual_seed(0)
    network = Plain()
    for norm in (network.first_norm, network.second_norm, network.lone_norm):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.mark.parametrize("make", [build, plain])
def test_a_folded_network_that_has_moved_comes_back_under_the_networks_own_names(make) -> None:
    network = make()
    folded = fold_batch_norms(network, InputSpec.square(SIDE))
    assert not isinstance(folded.get_submodule("body.0.1" if make is build else "first_norm"), nn.BatchNorm2d)
    with torch.no_grad():
        for parameter in folded.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
            parameter[0] = 0  # a channel that is off divides by nothing
    back = make()
    back.load_state_dict(unfold_batch_norms(network, folded, InputSpec.square(SIDE)))
    x = torch.rand(3, 3, SIDE, SIDE)
    torch.testing.assert_close(back(x), folded(x), atol=1e-5, rtol=1e-5)
    again = fold_batch_norms(back, InputSpec.square(SIDE)).state_dict()
    assert all(torch.equal(again[key], value) for key, value in folded.state_dict().items())


def test_a_network_that_was_not_folded_is_its_own_state() -> None:
    network = build()
    state = unfold_batch_norms(network, network, InputSpec.square(SIDE))
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())


def write_labels(path: Path, count: int) -> tuple[Path, tuple[str, ...]]:
    labels = tuple(f"{path.stem} {i}" for i in range(count))
    path.write_text("\n".join(labels))
    return path, labels


def test_the_last_layer_is_new_and_the_rest_is_what_was_given(tmp_path: Path) -> None:
    """A Lite0 of three classes starts from a Lite0 of ten classes."""
    old, _ = write_labels(tmp_path / "old.txt", 10)
    new, labels = write_labels(tmp_path / "new.txt", 3)
    spec = ClassifierSpec("efficientnet_lite0", "random", str(old), side=64)
    known = build_classifier(spec, fold=False).module
    save_weights(known.state_dict(), tmp_path / "w.safetensors")
    start = ClassifierSpec("efficientnet_lite0", str(tmp_path / "w.safetensors"), str(old), side=64)
    first, same, other = (starting_network(start, labels, new, seed).state_dict() for seed in (0, 0, 1))
    changed = {key for key, value in known.state_dict().items() if not torch.equal(value, first[key])}
    assert changed == {"_fc.weight", "_fc.bias"}
    assert first["_fc.weight"].shape == (3, 1280)
    assert torch.equal(first["_fc.weight"], same["_fc.weight"])
    assert not torch.equal(first["_fc.weight"], other["_fc.weight"])


def test_a_classifier_of_the_same_classes_keeps_its_last_layer(tmp_path: Path) -> None:
    file, labels = write_labels(tmp_path / "labels.txt", 5)
    kept = starting_network(ClassifierSpec(TINY, "random", str(file), side=SIDE), labels, file, 0)
    assert torch.equal(kept.fc.weight, build().fc.weight)
    other, labels = write_labels(tmp_path / "others.txt", 5)
    fresh = starting_network(ClassifierSpec(TINY, "random", str(file), side=SIDE), labels, other, 0)
    assert not torch.equal(fresh.fc.weight, build().fc.weight)
    assert torch.equal(fresh.body[0][0].weight, build().body[0][0].weight)


def test_a_network_of_the_users_must_have_as_many_classes(tmp_path: Path) -> None:
    file, _ = write_labels(tmp_path / "labels.txt", 5)
    other, labels = write_labels(tmp_path / "others.txt", 3)
    with pytest.raises(ClassifierError, match=r"of 5 classes, but the images have 3: let the function"):
        starting_network(ClassifierSpec(TINY, "random", str(file), side=SIDE), labels, other, 0)


def test_the_last_linear_layer_is_found() -> None:
    network = build()
    assert last_linear(network) is network.fc
    with pytest.raises(ClassifierError, match="no linear layer"):
        last_linear(nn.Sequential(nn.Conv2d(3, 4, 1)))
