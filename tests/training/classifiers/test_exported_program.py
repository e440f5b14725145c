"""Networks in files of `torch.export`; TorchScript is refused."""

from pathlib import Path

import pytest
import torch

from helpers import tiny_network
from helpers.tiny_network import SIDE
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.networks import ClassifierSpec, build_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    network, images = tiny_network.build(), torch.rand(2, 3, SIDE, SIDE)
    batch = {0: torch.export.Dim("batch")}
    torch.export.save(torch.export.export(network, (images,), dynamic_shapes=(batch,)), folder / "net.pt2")
    torch.export.save(torch.export.export(network, (images[:1],)), folder / "one.pt2")
    torch.jit.script(network).save(folder / "script.pt")
    (folder / "labels.txt").write_text("a\nb\nc\nd\ne")
    return folder


def test_a_program_gives_the_networks_logits_features_and_gradients(folder: Path) -> None:
    found = build_classifier(ClassifierSpec(f"{folder}/net.pt2", labels=f"{folder}/labels.txt", side=SIDE))
    images = torch.rand(3, 3, SIDE, SIDE, requires_grad=True)
    features = found(images)
    expected = tiny_network.build()(found.normalise(images))
    torch.testing.assert_close(features.logits, expected, atol=1e-5, rtol=1e-4)
    assert [tuple(stage.shape[1:]) for stage in features.stages] == [
        (8, 16, 16),
        (12, 8, 8),
        (16, 4, 4),
        (20, 2, 2),
    ]
    features.logits.sum().backward()
    assert images.grad is not None and float(images.grad.abs().max()) > 0


def test_a_program_states_its_size(folder: Path) -> None:
    assert build_network(ClassifierSpec(f"{folder}/net.pt2")).input.shape == (SIDE, SIDE, 3)


def test_a_fixed_number_of_images_is_refused_with_the_line_that_exports_it(folder: Path) -> None:
    with pytest.raises(
        ClassifierError, match=r"takes exactly 1 images at once: export it again with `torch\.export"
    ):
        build_network(ClassifierSpec(f"{folder}/one.pt2"))


def test_weights_beside_a_program_are_refused(folder: Path) -> None:
    with pytest.raises(ClassifierError, match="holds its weights: leave out --weights random"):
        build_network(ClassifierSpec(f"{folder}/net.pt2", "random"))


@pytest.mark.parametrize(("name", "kind"), [("net.pt2", "torch.export"), ("script.pt", "TorchScript")])
def test_a_program_as_weights_is_sent_to_the_other_option(name: str, kind: str, folder: Path) -> None:
    spec = ClassifierSpec(f"{tiny_network.__file__}:build", f"{folder}/{name}", side=SIDE)
    with pytest.raises(
        ClassifierError, match=f"is a {kind} file, a network with its weights: give it to --classifier"
    ):
        build_classifier(spec)


def test_torchscript_is_refused_with_the_line_that_makes_a_file_that_can_be_used(folder: Path) -> None:
    with pytest.raises(
        ClassifierError, match=r"is TorchScript, .* `torch\.export\.save\(.*rand\(2, 3, 64, 64\)"
    ):
        build_network(ClassifierSpec(f"{folder}/script.pt", side=SIDE))
