"""Adversarial images and the maps' response to them (Fong and Vedaldi 2017, section 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.metrics.adversarial import iterative_attack, label_recovery
from whyframe_evaluation.metrics.adversarial_discrimination import (
    DiscriminatorConfig,
    LabelledHeatmaps,
    discrimination_accuracy,
)
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import GaussianBlur, upsample
from whyframe_training.predictor.min_max import MinMax

__all__ = ["AdversarialImages", "adversarial_values", "attack_samples"]

_MINIMUM_IMAGES = 8  # half of them are enough to train the small network


@dataclass(frozen=True)
class AdversarialImages:
    """Images for which an attack changed the predicted class.

    Attributes:
        files: Names of the clean samples.
        images: The adversarial images, N x 3 x S x S RGB in [0, 1].
        classes: Ids of the classes predicted for the clean images, N int64.
        targets: Ids of the classes predicted for the adversarial images, N int64.
    """

    files: Sequence[str]
    images: Tensor
    classes: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.images)


@torch.no_grad()
def attack_samples(classifier: Classifier, samples: Sequence[Sample]) -> AdversarialImages:
    """Attack each sample, and return the images whose predicted class changed."""
    clean = torch.stack([sample.image for sample in samples])
    classes = torch.tensor([sample.target for sample in samples], device=clean.device)
    pairs = zip(clean.split(1), classes.split(1), strict=True)
    exclusive = classifier.exclusive
    images = torch.cat([iterative_attack(classifier.logits, *pair, exclusive=exclusive) for pair in pairs])
    targets = torch.cat([classifier.logits(image).argmax(dim=1) for image in images.split(1)])
    fooled = targets != classes
    files = [sample.file for sample, changed in zip(samples, fooled, strict=True) if changed]
    return AdversarialImages(files, images[fooled], classes[fooled], targets[fooled])


def adversarial_values(
    classifier: Classifier, method: Method, attacked: AdversarialImages, clean_maps: Sequence[Tensor]
) -> dict[str, Any]:
    """Measure how the maps of a method respond to an attack.

    Args:
        classifier: The attacked network.
        method: The method, which explains the class predicted for each adversarial image.
        attacked: The adversarial images.
        clean_maps: The method's maps of the clean images, h x w each.

    Returns:
        ``count``, the number of images; ``recovered`` and ``recovered_top5``, the percentages of images whose clean
        class is predicted first, or among the first five, once the adversarial image is blurred where its map is
        high; and ``discrimination``, the accuracy in percent of a small network that was trained on the maps of one
        half of the images and separates clean from adversarial maps on the other half, averaged over both directions.
        ``discrimination`` is None for fewer than eight images; without images there is only ``count``.
    """
    if not len(attacked):
        return {"count": 0}
    maps = _explain_attacked(classifier, method, attacked)
    background = GaussianBlur(*attacked.images.shape[-2:]).to(maps.device)(attacked.images)
    deletion_masks = 1 - upsample(maps, attacked.images.shape[-2:])[:, 0]
    recovery = label_recovery(
        classifier.logits, attacked.images, deletion_masks, background, attacked.classes
    )
    return {
        "count": len(attacked),
        "recovered": recovery.top1,
        "recovered_top5": recovery.top5,
        "discrimination": _discrimination(_unit_range(torch.stack(list(clean_maps)).to(maps.device)), maps),
    }


def _explain_attacked(classifier: Classifier, method: Method, attacked: AdversarialImages) -> Tensor:
    """Return the maps of the adversarial images, N x h x w in [0, 1], made image by image."""
    pairs = zip(attacked.images.split(1), attacked.targets.split(1), strict=True)
    return _unit_range(torch.cat([method.explain(classifier, *pair) for pair in pairs]))


def _unit_range(maps: Tensor) -> Tensor:
    """Scale each map to [0, 1]."""
    scaled: Tensor = MinMax()(maps)
    return scaled


def _discrimination(clean: Tensor, adversarial: Tensor) -> float | None:
    if len(clean) < _MINIMUM_IMAGES:
        return None
    even, odd = (LabelledHeatmaps(clean[start::2], adversarial[start::2]) for start in (0, 1))
    config = DiscriminatorConfig(build=_small_network, side=56, epochs=60, batch=8)
    scores = [discrimination_accuracy(train, test, config) for train, test in ((even, odd), (odd, even))]
    return sum(scores) / 2


def _small_network() -> nn.Module:
    """Build a replacement of the paper's AlexNet, which a few dozen maps cannot train."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(inputs, outputs, 5, stride=2, padding=2), nn.GroupNorm(4, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 2))
