"""Networks by name, from two training steps through the export to a frame in `ExplainEngine`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from whyframe import ExplainEngine
from whyframe_export import export
from whyframe_training.classifiers.classifier import ClassifierSpec, build_classifier
from whyframe_training.config import TrainConfig
from whyframe_training.training_run import train

CLASSES = 7


@pytest.fixture(autouse=True)
def four_parity_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare on 4 images instead of 50, which would take most of the time of these tests."""
    for module in ("onnx_export", "parity"):
        monkeypatch.setattr(f"whyframe_export.{module}.MINIMUM_IMAGES", 4)


@pytest.fixture
def photos(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(6):
        blocks = rng.integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), cv2.resize(blocks, (160, 120)))
    return str(folder)


@pytest.fixture
def labels(tmp_path: Path) -> str:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(f"class {i}" for i in range(CLASSES)))
    return str(path)


def settled(name: str, side: int, path: Path) -> str:
    """Write random weights whose batch norms have the statistics of some images, and return their path.

    Without these statistics the logits of deep networks are nearly equal or extremely large, and a wrong export would
    not be noticed.
    """
    extra: dict[str, Any] = {"aux_logits": False, "init_weights": False} if name == "inception_v3" else {}
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None, num_classes=CLASSES, **extra).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network(torch.randn(8, 3, side, side))
    torch.save(network.state_dict(), path)
    return str(path)


def trained(tmp_path: Path, spec: ClassifierSpec, photos: str) -> Path:
    """Return a validated run folder after one step of stage one and two steps of stage two."""
    config = TrainConfig(spec, data=photos, validation=2, epochs=1, filter_steps=1, batch=2)
    result = train(config, tmp_path / "run")
    assert len(result.files) == 2
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").open()]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    return tmp_path / "run"


def check_product(tmp_path: Path, run: Path, spec: ClassifierSpec, mask_side: int) -> None:
    """Export a run folder, and compare a frame in `ExplainEngine` with PyTorch."""
    model = tmp_path / "model.onnx"
    export(run, model)
    classifier = build_classifier(spec)
    frame = np.random.default_rng(1).integers(0, 256, (classifier.side, classifier.side, 3), np.uint8)
    with ExplainEngine(model) as engine:
        result = engine.run(frame, color="rgb")
    with torch.no_grad():
        image = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
        expected = classifier.logits(image).softmax(1)[0].numpy()
    assert expected.max() - expected.min() > 1e-3, "nearly equal probabilities would hide a wrong export"
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-4)
    assert result.mask.shape == (mask_side, mask_side)
    assert not result.no_signal
    assert 0 <= result.saliency.min() < result.saliency.max() <= 1


# By name, side of the input and side of the mask. Small sides keep the tests short; each network has another structure.
TORCHVISION = {
    "alexnet": (224, 55),
    "convnext_tiny": (64, 16),
    "densenet121": (64, 16),
    "inception_v3": (299, 71),
    "maxvit_t": (224, 56),
    "mobilenet_v3_small": (96, 24),
    "regnet_y_400mf": (64, 16),
    "shufflenet_v2_x0_5": (96, 24),
    "squeezenet1_1": (96, 23),
}
STRETCH = {"mode": "stretch", "interpolation": "fast"}  # a frame of the input's size is the input
AT_ONCE = ("mobilenet_v3_small", "squeezenet1_1")
TRAINED_AT_ONCE = ("densenet121", "regnet_y_400mf", "shufflenet_v2_x0_5")


def marked(names: Iterable[str], at_once: Iterable[str]) -> list[Any]:
    return [name if name in at_once else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", marked(TORCHVISION, AT_ONCE))
def test_a_torchvision_network_trains_exports_and_runs(
    name: str, tmp_path: Path, photos: str, labels: str
) -> None:
    side, mask_side = TORCHVISION[name]
    weights = settled(name, side, tmp_path / "weights.pth")
    spec = ClassifierSpec(name, weights, labels, side=side, resize=STRETCH)
    check_product(tmp_path, trained(tmp_path, spec, photos), spec, mask_side)


@pytest.mark.parametrize("name", TRAINED_AT_ONCE)
def test_a_torchvision_network_trains(name: str, tmp_path: Path, photos: str, labels: str) -> None:
    side, _ = TORCHVISION[name]
    weights = settled(name, side, tmp_path / "weights.pth")
    trained(tmp_path, ClassifierSpec(name, weights, labels, side=side), photos)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mask_side"), [("efficientnet_lite1", 60), ("efficientnet_lite2", 65)])
def test_a_lite_network_trains_exports_and_runs(
    name: str, mask_side: int, tmp_path: Path, photos: str
) -> None:
    spec = ClassifierSpec(name)
    check_product(tmp_path, trained(tmp_path, spec, photos), spec, mask_side)
