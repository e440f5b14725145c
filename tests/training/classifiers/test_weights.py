from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.classifiers.networks import ClassifierError, ClassifierSpec
from whyframe_training.classifiers.weights import load_state, load_weights

LABELS = [f"class {i}" for i in range(7)]


@pytest.fixture
def labels(tmp_path: Path) -> str:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS))
    return str(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".ckpt"])
def test_each_kind_of_file_is_read(tmp_path: Path, suffix: str) -> None:
    state = nn.Linear(3, 2).state_dict()
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state, "epoch": 3} if suffix == ".ckpt" else state, path)
    network = nn.Linear(3, 2)
    load_weights(network, str(path), "linear")
    assert torch.equal(network.weight, state["weight"])


@pytest.mark.parametrize("name", ["mnasnet0_5", "efficientnet_lite0"])
def test_a_named_network_fine_tuned_on_other_classes(name: str, tmp_path: Path, labels: str) -> None:
    """As many classes as labels. A .safetensors file keeps no versions, which MNASNet insists on."""
    torch.manual_seed(0)
    source = build_classifier(ClassifierSpec(name, "random", labels), fold=False)
    save_file(source.module.state_dict(), tmp_path / "mine.safetensors")
    torch.manual_seed(1)
    loaded = build_classifier(ClassifierSpec(name, str(tmp_path / "mine.safetensors"), labels), fold=False)
    assert loaded.labels == tuple(LABELS)
    x = torch.rand(1, 3, 224, 224)
    assert torch.equal(loaded.logits(x), source.logits(x))
    assert loaded.logits(x).shape == (1, 7)


def test_weights_of_another_number_of_classes_do_not_fit(tmp_path: Path, labels: str) -> None:
    torch.save(torchvision.models.squeezenet1_1(num_classes=9).state_dict(), tmp_path / "nine.pt")
    with pytest.raises(
        ClassifierError, match=r"nine.pt does not fit squeezenet1_1: .*size mismatch"
    ) as caught:
        build_classifier(ClassifierSpec("squeezenet1_1", str(tmp_path / "nine.pt"), labels))
    assert "\n" not in str(caught.value)


def test_pretrained_weights_and_other_labels_do_not_match(labels: str) -> None:
    with pytest.raises(ClassifierError, match="has 1000 classes but 7 labels"):
        build_classifier(ClassifierSpec("efficientnet_lite0", "pretrained", labels))


class WithBranch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.aux1 = nn.Linear(3, 2), nn.Linear(3, 2)


def state_of_branch() -> dict[str, Tensor]:
    return {key: torch.full_like(value, 4.0) for key, value in WithBranch().state_dict().items()}


def test_a_branch_that_the_network_has_is_loaded() -> None:
    network = WithBranch()
    load_state(network, state_of_branch())
    assert (network.aux1.weight == 4).all()


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_every_entry_has_to_fit(change: str) -> None:
    state = state_of_branch()
    if change == "missing":
        del state["fc.bias"]
    else:
        state["head.bias"] = torch.zeros(2)
    with pytest.raises(
        ClassifierError, match=r"missing in the file: fc.bias|unexpected in the file: head.bias"
    ):
        load_state(WithBranch(), state)
