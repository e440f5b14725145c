"""Validation of a mask predictor: its faithfulness beside that of the class activation map of the same network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from whyframe.perturb import faithfulness
from whyframe.progress import progress_bar
from whyframe_training.classifiers.classifier import Classifier, Features
from whyframe_training.data import load_frames, to_images
from whyframe_training.perturb import GaussianBlur
from whyframe_training.preserving_curve import preserving_curve
from whyframe_training.statistics import Estimate, paired_difference

Methods = dict[str, nn.Module]

PREDICTOR = "predictor"
"""Name of the trained mask predictor among the methods; every other method needs no training."""

MINIMUM_COUNT = 6
"""Number of measured images below which no difference is claimed: where chance alone decides the sign of a difference,
one of 16 validations with five images has five of the same sign, and the interval then excludes 0."""

_TRAINING_FREE = {"cam": "the class activation map", "forward": "the forward map"}


@dataclass(frozen=True)
class Validation:
    """Faithfulness of several methods on the same images.

    Attributes:
        files: Names of the images.
        scores: Faithfulness of each image in percent, by method; NaN where it cannot be measured.
    """

    files: tuple[str, ...]
    scores: dict[str, tuple[float, ...]]

    def means(self) -> dict[str, float]:
        """Return the mean faithfulness of each method in percent; NaN where no image can be measured."""
        known = {name: [v for v in values if not np.isnan(v)] for name, values in self.scores.items()}
        return {name: sum(values) / len(values) if values else np.nan for name, values in known.items()}

    def count(self) -> int:
        """Return the number of images on which faithfulness can be measured."""
        return int(np.sum(~np.isnan(next(iter(self.scores.values())))))

    def difference(self, ours: str, theirs: str) -> Estimate:
        """Return the mean difference of two methods over the images, with its bootstrap interval."""
        return paired_difference(self.scores[ours], self.scores[theirs])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values, NaN as None."""
        scores = {n: [None if np.isnan(v) else round(v, 3) for v in own] for n, own in self.scores.items()}
        means = {name: None if np.isnan(mean) else mean for name, mean in self.means().items()}
        report = {"images": len(self.files), "count": self.count(), "faithfulness": means}
        for name in self._training_free():
            report[f"predictor_minus_{name}"] = dataclasses.asdict(self.difference(PREDICTOR, name))
        return {**report, "files": list(self.files), "scores": scores}

    def __str__(self) -> str:
        """Return a report: the means, and whether the predictor is better than the map that needs no training."""
        lines = [f"faithfulness on {self.count()} of {len(self.files)} validation images, in percent:"]
        lines += [f"  {name:<12}{mean:7.2f}" for name, mean in self.means().items()]
        return "\n".join([*lines, *map(self._verdict, self._training_free())])

    def _training_free(self) -> list[str]:
        return [name for name in self.scores if name != PREDICTOR] if PREDICTOR in self.scores else []

    def _verdict(self, name: str) -> str:
        """Return a line that says whether the trained map is better than one that needs no training."""
        difference, other = self.difference(PREDICTOR, name), _TRAINING_FREE.get(name, name)
        if difference.count < MINIMUM_COUNT:
            return (
                f"not shown to be better than {other}: {difference.count} measured images are too few to tell; "
                f"add images, or keep more with --validation"
            )
        ends = f"{difference.low:+.2f} to {difference.high:+.2f}"
        interval = f"{difference.mean:+.2f} points (95 % bootstrap interval {ends})"
        if difference.low > 0:
            return f"the trained map is better than {other}: {interval}"
        found = "worse than" if difference.high < 0 else "not shown to be better than"
        return (
            f"the trained map is {found} {other}: {interval}; export with --explainer {name}, "
            "or train longer or with more images"
        )


def validate(
    classifier: Classifier,
    methods: Methods,
    paths: Sequence[Path],
    device: torch.device,
    *,
    progress: bool = False,
) -> Validation:
    """Measure the faithfulness of each method to the predicted class of every image, in float32.

    Args:
        classifier: The classifier, on `device`.
        methods: Modules from features and class ids to masks, on `device`, in eval mode, by name. A method `explain`
            of a module, from images and class ids to masks, is called where there is one.
        paths: Image files; each is resized by the classifier's own rule.
        device: Device to compute on.
        progress: Show a progress bar on stderr.
    """
    blur = GaussianBlur(*classifier.input.shape[:2]).to(device)
    scores: dict[str, list[float]] = {name: [] for name in methods}
    with progress_bar("validation", len(paths), unit="images", hidden=not progress) as bar:
        for path in paths:
            for name, value in _image_scores(classifier, methods, path, device, blur):
                scores[name].append(value)
            bar.advance()
    return Validation(tuple(p.name for p in paths), {name: tuple(values) for name, values in scores.items()})


@torch.no_grad()
def _image_scores(
    classifier: Classifier, methods: Methods, path: Path, device: torch.device, blur: GaussianBlur
) -> Iterator[tuple[str, float]]:
    image = to_images(load_frames([path], classifier.input), device)
    features = classifier(image)
    target = features.logits.argmax(dim=1)
    for name, method in methods.items():
        mask = _mask(method, image, features, target)[0]
        curve = preserving_curve(classifier.probabilities, image[0], mask, int(target), blur)
        yield name, faithfulness(curve.numpy())


def _mask(method: nn.Module, image: Tensor, features: Features, target: Tensor) -> Tensor:
    explain = getattr(method, "explain", None)
    return method(features.stages, target) if explain is None else explain(image, target)
