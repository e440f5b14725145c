"""What is no measure of one map: adversarial pictures by their maps (second paper, 5.5), and a rule (3.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whyframe.errors import one_line
from whyframe.files import atomic_write
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.metrics.adversarial import iterative_attack, label_recovery
from whyframe_evaluation.metrics.adversarial_discrimination import (
    DiscriminatorConfig,
    LabelledHeatmaps,
    discrimination_accuracy,
)
from whyframe_evaluation.metrics.classify import as_classify
from whyframe_evaluation.metrics.invariance import most_informative, rotation_errors
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import GaussianBlur, upsample
from whyframe_training.predictor.mask_predictor import MinMax

__all__ = [
    "CHEAPEST_PASSES",
    "PAPERS_OWN",
    "Attacked",
    "adversarial_values",
    "attack",
    "run_experiments",
    "tables",
    "taking_part",
]

CHEAPEST_PASSES = 2
"""Only methods of so many passes take part: each explains the adversarial pictures anew."""

PAPERS_OWN = "meaningful-deletion"
"""Takes part whatever it costs: the experiment was made for it."""

ANGLES = (5.0, 15.0, 30.0, 60.0, 90.0)
DRAWS = 4
DEGREE = 0.005
"""The error that one more degree of a rule's range is worth."""

Tell = Callable[[str], object]
Kept = Callable[[str, str], NDArray[np.float32] | None]

FEWEST = 8  # pictures, for a network to learn from half of them


@dataclass(frozen=True)
class Attacked:
    """Pictures that an attack turned into another class.

    Attributes:
        files: names of the clean ones.
        images: the adversarial ones, N x 3 x S x S in [0, 1].
        classes: N, predicted for the clean ones.
        targets: N, predicted for the adversarial ones.
    """

    files: Sequence[str]
    images: Tensor
    classes: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.images)


def taking_part(methods: Iterable[Method], rows: Iterable[MapResult]) -> list[Method]:
    """`PAPERS_OWN`, and the methods of up to `CHEAPEST_PASSES` a picture (median: the first may cost more)."""
    passes: dict[str, list[float]] = {}
    for row in rows:
        if not row.error:
            passes.setdefault(row.method, []).append(row.forward + row.backward)
    cheap = {name for name, counts in passes.items() if median(counts) <= CHEAPEST_PASSES}
    return [method for method in methods if method.name in passes and method.name in {*cheap, PAPERS_OWN}]


def run_experiments(
    classifier: Classifier,
    subjects: Sequence[Sample],
    methods: Sequence[Method],
    kept: Kept,
    path: Path,
    tell: Tell = str,
) -> dict[str, Any]:
    """All of them; what the file holds for these pictures already is not done again.

    Args:
        classifier: that is explained.
        subjects: the pictures.
        methods: see `taking_part`.
        kept: a method's map of a picture by their names, h x w; None where there is none.
        path: of the JSON file.
        tell: told of each method done.

    Returns:
        ``rotation``: by largest angle in degrees, the share of pictures in percent whose class changes;
        ``invariant_to``: the angle of the most informative accurate rule; ``methods``: see `adversarial_values`.
    """
    files = [one.file + " " + one.digest for one in subjects]
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if found.get("pictures") != files:
        found = {"pictures": files, **_rotation(classifier, subjects), "methods": {}}
    missing = [method for method in methods if not _is_done(found["methods"].get(method.name), method)]
    attacked = attack(classifier, subjects) if missing else None
    for method in methods:
        tell(f"Adversarial pictures: {method.title}")
        if method not in missing:
            continue
        assert attacked is not None
        found["methods"][method.name] = {
            "version": method.version,
            **_tried(classifier, method, attacked, kept),
        }
        atomic_write(path, (json.dumps(found, allow_nan=False, indent=1) + "\n").encode())
    return {**found, "methods": {method.name: found["methods"][method.name] for method in methods}}


def _is_done(values: Mapping[str, Any] | None, method: Method) -> bool:
    """What failed is tried again, as maps are."""
    return values is not None and "error" not in values and values.get("version", "") == method.version


def _rotation(classifier: Classifier, subjects: Sequence[Sample]) -> dict[str, Any]:
    classify = as_classify(classifier.logits, classifier.mean.device, batch=DRAWS + 1)
    errors = rotation_errors(classify, [one.frame for one in subjects], ANGLES, DRAWS)
    percent = {f"{angle:g}": 100 * error for angle, error in errors.items()}
    return {"rotation": percent, "invariant_to": most_informative(errors, DEGREE)}


@torch.no_grad()
def attack(classifier: Classifier, subjects: Sequence[Sample]) -> Attacked:
    """Moves each picture away from its class, and keeps those that are taken for another one then."""
    clean = torch.stack([one.image for one in subjects])
    classes = torch.tensor([one.target for one in subjects], device=clean.device)
    pairs = zip(clean.split(1), classes.split(1), strict=True)
    images = torch.cat([iterative_attack(classifier.logits, *pair) for pair in pairs])
    targets = torch.cat([classifier.logits(image).argmax(dim=1) for image in images.split(1)])
    fooled = targets != classes
    files = [one.file for one, kept in zip(subjects, fooled, strict=True) if kept]
    return Attacked(files, images[fooled], classes[fooled], targets[fooled])


def _tried(classifier: Classifier, method: Method, attacked: Attacked, kept: Kept) -> dict[str, Any]:
    try:
        clean = [_clean(kept, method.name, file) for file in attacked.files]
        return adversarial_values(classifier, method, attacked, clean)
    except Exception as error:  # as on single pictures: it is reported
        return {"error": one_line(error)}


def _clean(kept: Kept, method: str, file: str) -> Tensor:
    scores = kept(method, file)
    if scores is None:
        raise ValueError(f"it has no map of {file}")
    return torch.from_numpy(scores)


def adversarial_values(
    classifier: Classifier, method: Method, attacked: Attacked, clean: Sequence[Tensor]
) -> dict[str, Any]:
    """What a method's maps know of an attack.

    Args:
        classifier: that was attacked.
        method: explains each picture's predicted class.
        attacked: the pictures.
        clean: the method's maps of the clean pictures, h x w each.

    Returns:
        ``count`` of pictures; of these, in percent, ``recovered`` and ``recovered_top5``: the clean class is first, or
        among the first five, once the adversarial picture is blurred where its map is high (5.5); and
        ``discrimination``: accuracy of a small network that learned on the maps of one half to tell clean from
        adversarial, on the other half, both ways; None of fewer than `FEWEST` pictures.
    """
    if not len(attacked):
        return {"count": 0}
    maps = _maps(classifier, method, attacked)
    background = GaussianBlur(classifier.side).to(maps.device)(attacked.images)
    deletion_masks = 1 - upsample(maps, classifier.side)[:, 0]
    recovery = label_recovery(
        classifier.logits, attacked.images, deletion_masks, background, attacked.classes
    )
    return {
        "count": len(attacked),
        "recovered": recovery.top1,
        "recovered_top5": recovery.top5,
        "discrimination": _discrimination(_in_range(torch.stack(list(clean)).to(maps.device)), maps),
    }


def _maps(classifier: Classifier, method: Method, attacked: Attacked) -> Tensor:
    """Of the adversarial pictures, N x h x w in [0, 1]; one by one, as everywhere in a study."""
    pairs = zip(attacked.images.split(1), attacked.targets.split(1), strict=True)
    return _in_range(torch.cat([method.explain(classifier, *pair) for pair in pairs]))


def _in_range(scores: Tensor) -> Tensor:
    """Each map scaled to [0, 1]."""
    scaled: Tensor = MinMax()(scores)
    return scaled


def _discrimination(clean: Tensor, adversarial: Tensor) -> float | None:
    if len(clean) < FEWEST:
        return None
    even, odd = (LabelledHeatmaps(clean[start::2], adversarial[start::2]) for start in (0, 1))
    config = DiscriminatorConfig(build=_small_network, side=56, epochs=60, batch=8)
    scores = [discrimination_accuracy(train, test, config) for train, test in ((even, odd), (odd, even))]
    return sum(scores) / 2


def _small_network() -> nn.Module:
    """In place of the paper's AlexNet, which a few dozen maps cannot train."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(inputs, outputs, 5, stride=2, padding=2), nn.GroupNorm(4, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 2))


def tables(found: Mapping[str, Any]) -> str:
    """The experiments in Markdown."""
    head = "| method | label recovered | in the first five | clean told from adversarial | pictures |"
    rows = [_line(name, values) for name, values in found["methods"].items()]
    angles = "".join(f"| {angle} | {error:.1f} |\n" for angle, error in found["rotation"].items())
    return (
        f"\n## Adversarial pictures (percent)\n\n{head}\n|---|---|---|---|---|\n{''.join(rows)}"
        "\n## Rotations that change the class\n\n| at most, degrees | pictures, percent |\n"
        f"|---|---|\n{angles}"
    )


def _line(name: str, values: Mapping[str, Any]) -> str:
    if "error" in values:
        return f"| {name} | failed: {values['error']} | | | |\n"
    cells = [values.get(key) for key in ("recovered", "recovered_top5", "discrimination")]
    return f"| {name} | {' | '.join('-' if one is None else f'{one:.1f}' for one in cells)} | {values['count']} |\n"
