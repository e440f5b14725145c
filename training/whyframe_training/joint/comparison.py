"""Comparison of pairs of classifier and mask predictor on the same images, each explaining its own prediction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from whyframe.files import append_line, json_text
from whyframe.progress import progress_bar
from whyframe_training.checkpoint import load_predictor
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.config import CONFIG, TrainConfig
from whyframe_training.data import load_frames, to_images
from whyframe_training.joint.labelled import Labelled
from whyframe_training.perturb import GaussianBlur
from whyframe_training.predictor.class_activation_map import ClassActivationMap
from whyframe_training.predictor.mask_predictor import MaskPredictor
from whyframe_training.preserving_curve import preserving_curve

CPU = torch.device("cpu")
Record = dict[str, Any]
"""Results of one image: `file`, `class` and, by the name of the pair, what `measure` returns."""


@dataclass(frozen=True)
class Pair:
    """A classifier and the mask predictor trained for it, on the CPU, in float32.

    Attributes:
        classifier: The classifier.
        predictor: The mask predictor.
    """

    classifier: Classifier
    predictor: MaskPredictor

    @classmethod
    def of_run(cls, folder: Path) -> Pair:
        """Load the pair of a run's last checkpoint.

        Raises:
            RunError: There is no run, or no checkpoint that fits its settings.
            ClassifierError: The classifier cannot be built.
        """
        config = TrainConfig.load(folder / CONFIG)
        classifier = build_classifier(config.classifier)
        return cls(classifier, load_predictor(folder, config, classifier)[0])


def measure_all(
    pairs: dict[str, Pair], held_out: Labelled, path: Path, *, progress: bool = False
) -> list[Record]:
    """Return the record of each image, and keep the records in a file.

    Args:
        pairs: Pairs of the same classes and input side, by name.
        held_out: Images on which none of the pairs was trained.
        path: File with a JSON record per line. Images that it already holds are not measured again.
        progress: Show a progress bar on stderr.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = {record["file"]: record for record in map(json.loads, lines)}
    with progress_bar("measuring", len(held_out.paths), unit="images", hidden=not progress) as bar:
        for image, class_id in zip(held_out.paths, held_out.class_ids, strict=True):
            key = _key(image)
            if key not in known:
                known[key] = {"file": key, "class": class_id, **measure(pairs, image)}
                append_line(path, json_text(known[key]))
            bar.advance()
    return [known[_key(image)] for image in held_out.paths]


@torch.no_grad()
def measure(pairs: dict[str, Pair], path: Path) -> Record:
    """Return the logits and the preserving curves of an image.

    Args:
        pairs: Pairs of the same classes and input side, by name.
        path: Image file.

    Returns:
        By pair: `logits`, and `curves`, the 33 probabilities of `preserving_curve` for the classifier's own
        prediction under three maps: that of its predictor (`own`), of the other pair's predictor (`other`), and the
        class activation map (`cam`).
    """
    spec = next(iter(pairs.values())).classifier.input
    image, blur = to_images(load_frames([path], spec), CPU), GaussianBlur(*spec.shape[:2])
    stages = {name: pair.classifier(image).stages for name, pair in pairs.items()}
    record: Record = {}
    for name, pair in pairs.items():
        logits = pair.classifier.logits(image)[0]
        target = logits.argmax()
        curves = {
            source: preserving_curve(pair.classifier.probabilities, image[0], mask, int(target), blur)
            for source, mask in _masks(pairs, stages, name, target[None])
        }
        rounded = {source: _rounded(curve) for source, curve in curves.items()}
        record[name] = {"logits": _rounded(logits), "curves": rounded}
    return record


def _masks(
    pairs: dict[str, Pair], stages: dict[str, tuple[Tensor, ...]], name: str, target: Tensor
) -> Iterator[tuple[str, Tensor]]:
    for other, pair in pairs.items():
        yield "own" if other == name else "other", pair.predictor(stages[other], target)[0]
    yield "cam", ClassActivationMap(pairs[name].classifier)(stages[name], target)[0]


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 6) for value in values.tolist()]


def _key(image: Path) -> str:
    """Return the file name with its folder, because names may repeat where classes are sub-folders."""
    return f"{image.parent.name}/{image.name}"
