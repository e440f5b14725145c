from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from helpers.tiny_network import CLASSES, SIDE, build
from helpers.tiny_run import TINY
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import (
    Classifier,
    ClassifierError,
    ClassifierSpec,
    build_classifier,
)
from whyframe_training.classifiers.folding import fold_batch_norms

LABELS = [f"class {i}" for i in range(CLASSES)]


def tiny() -> Classifier:
    return Classifier(build(), name="tiny", labels=LABELS, input=InputSpec.square(SIDE))


def images(n: int = 2, side: int = SIDE) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels(tmp_path: Path) -> str:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS))
    return str(path)


def test_features_are_the_last_of_each_scale_and_logits_are_the_networks_own() -> None:
    network, classifier = build(), tiny()
    features = classifier(images())
    normalised = (images() - classifier.mean) / classifier.std
    x, expected = normalised, {}
    with torch.no_grad():
        for block in network.body:
            x = block(x)
            expected[x.shape[-1]] = x
        logits = network(normalised)
    assert [tuple(s.shape[1:]) for s in features.stages] == [(8, 16, 16), (12, 8, 8), (16, 4, 4), (20, 2, 2)]
    for stage in features.stages:
        torch.testing.assert_close(stage, expected[stage.shape[-1]], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(features.logits, logits, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(classifier.logits(images()), features.logits)


def test_batch_norms_are_folded_without_a_change_of_output() -> None:
    network = build()
    folded = fold_batch_norms(network, InputSpec.square(SIDE))
    assert any(isinstance(m, nn.BatchNorm2d) for m in network.modules()), "the given network is left alone"
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    torch.testing.assert_close(folded(images()), network(images()), atol=1e-5, rtol=1e-4)


def test_a_norm_that_follows_no_convolution_is_kept() -> None:
    network = nn.Sequential(
        nn.BatchNorm2d(3), *build().body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(20, 5)
    )
    folded = fold_batch_norms(network.eval(), InputSpec.square(SIDE))
    assert sum(isinstance(m, nn.BatchNorm2d) for m in folded.modules()) == 1


def test_no_statistic_and_no_weight_moves_in_training_mode() -> None:
    classifier = Classifier(build(), name="tiny", labels=LABELS, input=InputSpec.square(SIDE))
    before = {k: v.clone() for k, v in classifier.state_dict().items()}
    classifier.train()
    assert not any(m.training for m in classifier.modules())
    assert not any(p.requires_grad for p in classifier.parameters())
    classifier(images(8))
    for key, value in classifier.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_head_is_found_only_where_pooling_and_a_linear_layer_end_the_network() -> None:
    assert tiny().head() is not None
    with_hidden = nn.Sequential(
        *build().body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 5)
    )
    assert Classifier(with_hidden, name="mlp", labels=LABELS, input=InputSpec.square(SIDE)).head() is None


def test_logits_near_zero_do_not_make_a_head() -> None:
    """The logits of an untrained network may all be small: a layer before the last layer must still be noticed."""
    network = nn.Sequential(
        *build().body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Tanh(), nn.Linear(20, 5, bias=False)
    )
    nn.init.normal_(network[-1].weight, std=1e-6)
    assert Classifier(network, name="small", labels=LABELS, input=InputSpec.square(SIDE)).head() is None


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("resnet50", (256, 512, 1024, 2048)),
        ("vgg19", (256, 512, 512, 512)),
        ("googlenet", (192, 480, 832, 1024)),
    ],
)
def test_channel_tables_of_a3(name: str, channels: tuple[int, ...]) -> None:
    classifier = build_classifier(ClassifierSpec(name, weights="random"))
    assert classifier.channels == channels
    features = classifier(images(1, 224))
    assert [stage.shape[-1] for stage in features.stages] == [56, 28, 14, 7]
    assert (classifier.head() is None) == (name == "vgg19")


@pytest.mark.parametrize("side", [240, 260])
def test_input_sides_that_do_not_halve_evenly_are_supported(side: int) -> None:
    module = torchvision.models.resnet18(weights=None)
    features = Classifier(module, name="r18", labels=["x"] * 1000, input=InputSpec.square(side))(
        images(1, side)
    )
    assert [stage.shape[-1] for stage in features.stages[:2]] == [-(-side // 4), -(-side // 8)]


def test_a_users_own_file_weights_and_labels(tmp_path: Path, labels: str) -> None:
    weights = tmp_path / "w.pt"
    torch.save({k: v * 0.5 for k, v in build().state_dict().items()}, weights)
    spec = ClassifierSpec(TINY, str(weights), labels, (0.5,) * 3, (0.25,) * 3, SIDE)
    classifier = build_classifier(spec)
    network = build()
    network.load_state_dict(torch.load(weights, weights_only=True))
    torch.testing.assert_close(
        classifier.logits(images()), network.eval()((images() - 0.5) / 0.25), atol=1e-4, rtol=1e-3
    )
    assert classifier.labels == tuple(LABELS)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("alexnet9", "pretrained", "unknown classifier 'alexnet9'"),
        ("missing.py:build", "random", "no such file missing.py"),
        (TINY.replace(":build", ":nothing"), "random", "has no function nothing"),
        (TINY.replace(":build", ":not_a_module"), "random", "not an nn.Module"),
        (TINY, "missing.pt", "no such weights file missing.pt"),
        (TINY, __file__, "is not a weights file"),
    ],
)
def test_wrong_files_and_names_are_reported(name: str, weights: str, message: str, labels: str) -> None:
    with pytest.raises(ClassifierError, match=message) as caught:
        build_classifier(ClassifierSpec(name, weights, labels, side=SIDE))
    assert "\n" not in str(caught.value)


def test_a_wrong_number_of_labels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text("a\nb")
    with pytest.raises(ClassifierError, match="5 classes but 2 labels"):
        build_classifier(ClassifierSpec(TINY, "random", str(path), side=SIDE))
