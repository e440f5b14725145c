"""Networks of timm: the preprocessing is that of timm's own transform, the labels are those of its configuration."""

from pathlib import Path

import pytest
import torch

from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.networks import ClassifierSpec, build_network
from whyframe_training.classifiers.timm_source import timm_input

timm = pytest.importorskip("timm")


class Configured(torch.nn.Module):
    """A network that has nothing but a configuration of timm."""

    def __init__(self, **changes: object) -> None:
        super().__init__()
        self.pretrained_cfg = {
            "input_size": (3, 64, 64),
            "interpolation": "bicubic",
            "crop_pct": 0.9,
        } | changes


def crop(shorter: int, interpolation: str = "bicubic") -> ResizeRule:
    return ResizeRule(mode="crop", shorter_side=shorter, interpolation=interpolation)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, crop(71)),
        ({"crop_pct": 1.0, "interpolation": "bilinear"}, crop(64, "bilinear")),
        ({"crop_pct": 0.875, "crop_mode": "center", "mean": (0.5,) * 3, "std": (0.5,) * 3}, crop(73)),
        ({"crop_pct": 1.0, "crop_mode": "squash"}, ResizeRule(interpolation="bicubic")),
        ({"interpolation": "lanczos"}, ResizeRule(mode="crop", shorter_side=71, interpolation="lanczos")),
        ({"crop_mode": "squash"}, ResizeRule(mode="squash", shorter_side=71, interpolation="bicubic")),
    ],
)
def test_the_rule_gives_what_timms_transform_gives(changes: dict[str, object], rule: ResizeRule) -> None:
    """`timm_input` compares both on images; a wrong rule raises an error."""
    found = timm_input(Configured(**changes), "made")
    assert (found.height, found.width, found.resize) == (64, 64, rule)
    assert found.mean == changes.get("mean", InputSpec().mean)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interpolation": "hamming"}, "its interpolation is hamming"),
        ({"input_size": (3, 64, 96)}, "crop mode center, crop 0.9 and 64 x 96"),
        ({"mean": (0.5,)}, "the mean has 1 numbers|cannot be expressed"),
    ],
)
def test_what_cannot_be_expressed_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ClassifierError, match=message) as caught:
        timm_input(Configured(**changes), "made")
    assert "give all of --side, --resize, --mean and --std" in str(caught.value)


def test_a_name_gives_network_input_and_imagenets_labels() -> None:
    network = build_network(ClassifierSpec("timm:test_resnet", "random"))
    assert str(network.input) == "160 x 160 rgb, shorter side 168, centre crop, bilinear, antialiased"
    assert network.labels is not None
    assert (len(network.labels), network.labels[281]) == (1000, "tabby, tabby cat")
    assert network.input_from == "timm's configuration of test_resnet"


def test_labels_and_options_of_the_user_come_first(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\nc")
    spec = ClassifierSpec("timm:test_resnet", "random", str(tmp_path / "labels.txt"), side=80, channels=1)
    found = build_classifier(spec)
    assert found.labels == ("a", "b", "c")
    assert (found.input.shape, found.input.resize.shorter_side) == ((80, 80, 1), 84)


def test_a_transformer_of_another_size_is_built_for_it() -> None:
    network = build_network(ClassifierSpec("timm:test_vit", "random", side=96))
    assert network.module(torch.zeros(1, 3, 96, 96)).shape == (1, 1000)


def test_a_network_of_a_users_file_states_its_input_and_labels(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import timm\ndef build(): return timm.create_model('test_resnet')\n")
    found = build_network(ClassifierSpec(f"{tmp_path}/net.py:build"))
    assert (found.input.height, found.input.resize.shorter_side) == (160, 168)
    assert found.labels is not None
    assert found.input_from == "its timm configuration"


def test_without_timm_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(ClassifierError, match=r"^timm is not installed: pip install timm$"):
        build_network(ClassifierSpec("timm:resnet18", "random"))


def test_weights_that_cannot_be_downloaded_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_args: object, pretrained: bool, **_options: object) -> None:
        raise OSError("no\nconnection")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(ClassifierError, match=r"OSError: no connection\): download .* pass --weights FILE"):
        build_network(ClassifierSpec("timm:resnet18"))
