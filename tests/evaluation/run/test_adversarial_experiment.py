from types import SimpleNamespace

import pytest
import torch

from helpers.tiny_network import SIDE
from whyframe.input_spec import InputSpec
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.run.adversarial_experiment import (
    AdversarialImages,
    adversarial_values,
    attack_samples,
)
from whyframe_evaluation.run.samples import Sample


class Threshold(Method):
    """A map that is 1 where the image is brighter than half."""

    name, title, paper = "threshold", "Threshold", "none"

    def _explain(self, classifier, images, targets, progress):
        return (images.mean(1) > 0.5).float()


def spot_classifier() -> SimpleNamespace:
    """Class 1 where any pixel is bright."""

    def logits(images: torch.Tensor) -> torch.Tensor:
        brightest = images.mean(1).flatten(1).amax(1)
        return torch.stack([torch.full_like(brightest, 0.5), brightest], dim=1)

    classifier = SimpleNamespace(logits=logits, input=InputSpec.square(SIDE), mean=torch.zeros(3))
    classifier.modules = classifier.parameters = lambda: iter(())
    return classifier


def spotted(count: int) -> AdversarialImages:
    images = torch.full((count, 3, SIDE, SIDE), 0.3)
    for index, image in enumerate(images):
        image[:, 3 + index : 6 + index, 5:9] = 1.0
    return AdversarialImages(
        [str(i) for i in range(count)], images, torch.zeros(count).long(), torch.ones(count).long()
    )


def blank(count: int) -> list[torch.Tensor]:
    """What `Threshold` gives for the clean images."""
    return [torch.zeros(SIDE, SIDE)] * count


def test_a_map_that_finds_the_change_recovers_the_label_and_reveals_the_attack() -> None:
    values = adversarial_values(spot_classifier(), Threshold(), spotted(12), blank(12))
    assert values == {"count": 12, "recovered": 100, "recovered_top5": 100, "discrimination": 100}


def test_a_map_that_misses_the_change_does_not(monkeypatch) -> None:
    monkeypatch.setattr(
        Threshold, "_explain", lambda self, c, images, t, p: images[:, 0] * 0 + torch.eye(SIDE) * 0
    )
    values = adversarial_values(spot_classifier(), Threshold(), spotted(12), blank(12))
    assert values["recovered"] == 0
    assert values["discrimination"] == 50


def test_few_images_train_no_network_and_no_images_give_only_a_count() -> None:
    assert adversarial_values(spot_classifier(), Threshold(), spotted(3), blank(3))["discrimination"] is None
    assert adversarial_values(spot_classifier(), Threshold(), spotted(0), []) == {"count": 0}


def test_an_attack_keeps_the_images_that_it_fooled() -> None:
    classifier = SimpleNamespace(
        logits=lambda x: torch.stack([0.5 - x.mean((1, 2, 3)), x.mean((1, 2, 3)) - 0.5], 1),
        exclusive=True,
    )
    levels = (0.1, 0.49, 0.51, 0.9)  # only those near 0.5 are within its reach
    samples = [
        Sample(str(level), torch.full((3, SIDE, SIDE), level), int(level > 0.5), ()) for level in levels
    ]
    found = attack_samples(classifier, samples)
    assert found.files == ["0.49", "0.51"]
    assert (found.classes.tolist(), found.targets.tolist()) == ([0, 1], [1, 0])
    assert found.images[:, 0, 0, 0].tolist() == pytest.approx([0.49 + 8 / 255, 0.51 - 8 / 255])
