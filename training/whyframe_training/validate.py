"""Faithfulness of a predictor on validation images, beside the class activation map of the same network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from whyframe.perturb import faithfulness
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.data import load_frames, to_images
from whyframe_training.faithfulness import preserving_curve
from whyframe_training.perturb import GaussianBlur
from whyframe_training.statistics import Estimate, paired_difference

Methods = dict[str, nn.Module]


@dataclass(frozen=True)
class Validation:
    """Faithfulness of each method on the same images.

    Attributes:
        files: the images.
        scores: by method, one faithfulness (percent, NaN where not measurable) an image.
    """

    files: tuple[str, ...]
    scores: dict[str, tuple[float, ...]]

    def means(self) -> dict[str, float]:
        """Mean faithfulness of each method, over the images where it can be measured; NaN where there is none."""
        known = {name: [v for v in values if not np.isnan(v)] for name, values in self.scores.items()}
        return {name: sum(values) / len(values) if values else np.nan for name, values in known.items()}

    def count(self) -> int:
        """Images where faithfulness can be measured."""
        return int(np.sum(~np.isnan(next(iter(self.scores.values())))))

    def difference(self, ours: str, theirs: str) -> Estimate:
        """Paired bootstrap of one method against another."""
        return paired_difference(self.scores[ours], self.scores[theirs])

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-safe: NaN as None."""
        scores = {n: [None if np.isnan(v) else round(v, 3) for v in own] for n, own in self.scores.items()}
        means = {name: None if np.isnan(mean) else mean for name, mean in self.means().items()}
        report = {"images": len(self.files), "count": self.count(), "faithfulness": means}
        if {"predictor", "cam"} <= set(self.scores):
            report["predictor_minus_cam"] = dataclasses.asdict(self.difference("predictor", "cam"))
        return {**report, "files": list(self.files), "scores": scores}


def validate(
    classifier: Classifier,
    methods: Methods,
    paths: Sequence[Path],
    device: torch.device,
    step: Callable[[], None] = lambda: None,
) -> Validation:
    """Measures each method on the predicted class of every image, in float32.

    Args:
        classifier: on `device`.
        methods: modules from features and classes to masks, on `device`, in eval mode.
        paths: images, squeezed to S x S.
        device: where to compute.
        step: called after each image.
    """
    blur = GaussianBlur(classifier.side).to(device)
    scores: dict[str, list[float]] = {name: [] for name in methods}
    for path in paths:
        for name, value in _image_scores(classifier, methods, path, device, blur):
            scores[name].append(value)
        step()
    return Validation(tuple(p.name for p in paths), {name: tuple(values) for name, values in scores.items()})


@torch.no_grad()
def _image_scores(
    classifier: Classifier, methods: Methods, path: Path, device: torch.device, blur: GaussianBlur
) -> Iterator[tuple[str, float]]:
    image = to_images(load_frames([path], classifier.side), device)
    seen = classifier(image)
    target = seen.logits.argmax(dim=1)
    for name, method in methods.items():
        mask = method(seen.stages, target)[0]
        curve = preserving_curve(classifier.logits, image[0], mask, int(target), blur)
        yield name, faithfulness(curve.numpy())
