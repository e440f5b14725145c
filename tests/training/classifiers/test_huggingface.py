"""Networks of Hugging Face from folders that `save_pretrained` wrote."""

from pathlib import Path
from typing import Any

import pytest
import torch

from whyframe.resize_rule import ResizeRule
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.networks import ClassifierSpec, build_network

transformers = pytest.importorskip("transformers")

LABELS = ("cat", "dog", "bird")


def save(folder: Path, processor: str, **options: Any) -> ClassifierSpec:
    """Save a small ResNet and an image processor, and return their specification."""
    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1], layer_type="basic",
        id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)},
    )  # fmt: skip
    transformers.ResNetForImageClassification(config).save_pretrained(folder)
    getattr(transformers, processor)(**options).save_pretrained(folder)
    return ClassifierSpec(f"hf:{folder}")


def crop(shorter: int, interpolation: str) -> ResizeRule:
    return ResizeRule(mode="crop", shorter_side=shorter, interpolation=interpolation, offset="floor")


SQUARE = {"height": 64, "width": 64}


@pytest.mark.parametrize(
    ("processor", "options", "rule"),
    [
        ("ViTImageProcessor", {"size": SQUARE}, ResizeRule(interpolation="bilinear")),
        ("ViTImageProcessor", {"size": SQUARE, "do_normalize": False}, ResizeRule(interpolation="bilinear")),
        ("ViTImageProcessor", {"size": SQUARE, "resample": 3}, ResizeRule(interpolation="bicubic")),
        (
            "DeiTImageProcessor",
            {"size": {"height": 73, "width": 73}, "crop_size": SQUARE},
            ResizeRule(mode="squash", shorter_side=73, interpolation="bicubic", offset="floor"),
        ),
        ("EfficientNetImageProcessor", {"size": SQUARE}, ResizeRule(interpolation="bicubic")),
        (
            "EfficientNetImageProcessor",
            {"size": SQUARE, "rescale_factor": 1 / 127.5, "rescale_offset": True, "include_top": False},
            ResizeRule(interpolation="bicubic"),
        ),
        (
            "EfficientNetImageProcessor",
            {"size": SQUARE, "rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False},
            ResizeRule(interpolation="bicubic"),
        ),
        ("CLIPImageProcessor", {"size": {"shortest_edge": 71}, "crop_size": SQUARE}, crop(71, "bicubic")),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 64}, "crop_pct": 0.875}, crop(73, "bicubic")),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}}, ResizeRule(interpolation="bicubic")),
        ("LevitImageProcessor", {"size": {"shortest_edge": 64}, "crop_size": SQUARE}, crop(73, "bicubic")),
        (
            "PoolFormerImageProcessor",
            {"size": {"shortest_edge": 64}, "crop_size": SQUARE},
            crop(71, "bicubic"),
        ),
        (
            "MobileNetV2ImageProcessor",
            {"size": {"shortest_edge": 70}, "crop_size": SQUARE},
            crop(70, "bilinear"),
        ),
        (
            "MobileViTImageProcessor",
            {"size": {"shortest_edge": 70}, "crop_size": SQUARE},
            crop(70, "bicubic"),
        ),
    ],
)
def test_the_rule_gives_what_the_processor_gives(
    processor: str, options: dict[str, Any], rule: ResizeRule, tmp_path: Path
) -> None:
    """`build_network` compares both on images; a wrong rule, mean or colour order raises an error."""
    network = build_network(save(tmp_path, processor, **options))
    assert network.input.resize == rule
    assert network.input.color == ("bgr" if processor == "MobileViTImageProcessor" else "rgb")
    assert (network.labels, network.activation) == (LABELS, "softmax")


@pytest.mark.parametrize(
    ("processor", "options", "message"),
    [
        ("DeiTImageProcessor", {"size": {"height": 72, "width": 80}, "crop_size": SQUARE}, "its crop {"),
        ("ViTImageProcessor", {"size": SQUARE, "do_resize": False}, "it does not resize"),
    ],
)
def test_what_cannot_be_expressed_is_refused_unless_all_is_given(
    processor: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    spec = save(tmp_path, processor, **options)
    with pytest.raises(ClassifierError, match=message) as caught:
        build_network(spec)
    assert "give all of --side, --resize, --mean and --std" in str(caught.value)
    given = ClassifierSpec(spec.name, mean=(0.5,) * 3, std=(0.5,) * 3, side=64, resize={"mode": "stretch"})
    assert build_network(given).labels == LABELS


def test_the_logits_are_those_of_the_model_that_was_saved(tmp_path: Path) -> None:
    spec = save(tmp_path, "ViTImageProcessor", size=SQUARE)
    found = build_classifier(spec)
    model = transformers.AutoModelForImageClassification.from_pretrained(tmp_path).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model((images - 0.5) / 0.5).logits
    torch.testing.assert_close(found.logits(images), expected, atol=1e-5, rtol=1e-4)


def test_random_weights_for_other_labels(tmp_path: Path) -> None:
    spec = save(tmp_path, "ViTImageProcessor", size=SQUARE)
    (tmp_path / "five.txt").write_text("a\nb\nc\nd\ne")
    found = build_classifier(ClassifierSpec(spec.name, "random", str(tmp_path / "five.txt")))
    assert found.labels == tuple("abcde")
