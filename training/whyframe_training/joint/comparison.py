"""Two pairs of classifier and mask predictor on the same photographs, each classifier asked for its own prediction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from whyframe_training.checkpoint import load_predictor
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.config import CONFIG, TrainConfig
from whyframe_training.data import load_frames, to_images
from whyframe_training.faithfulness import preserving_curve
from whyframe_training.joint.labelled import Labelled
from whyframe_training.perturb import GaussianBlur
from whyframe_training.predictor.mask_predictor import ClassActivationMap, MaskPredictor

CPU = torch.device("cpu")
Record = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """A classifier and the mask predictor that was trained for it, on the CPU, in float32."""

    classifier: Classifier
    predictor: MaskPredictor

    @classmethod
    def of_run(cls, folder: Path) -> Pair:
        """The pair of a run's last checkpoint.

        Raises:
            RunError: no run, or no checkpoint in it.
        """
        config = TrainConfig.load(folder / CONFIG)
        classifier = build_classifier(config.classifier)
        return cls(classifier, load_predictor(folder, config, classifier)[0])


def measure_all(
    pairs: dict[str, Pair], held_out: Labelled, path: Path, step: Callable[[], None] = lambda: None
) -> list[Record]:
    """A record of every photograph, as `measure` makes it, with its `file` and its true `class`.

    Args:
        pairs: by name, of the same classes and side.
        held_out: photographs that none was trained on.
        path: a file of one record a line; what it holds already is not measured again.
        step: called after each photograph.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = {record["file"]: record for record in map(json.loads, lines)}
    for image, class_id in zip(held_out.paths, held_out.class_ids, strict=True):
        key = _key(image)
        if key not in known:
            known[key] = {"file": key, "class": class_id, **measure(pairs, image)}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(known[key]) + "\n")
        step()
    return [known[_key(image)] for image in held_out.paths]


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 6) for value in values.tolist()]


def _key(image: Path) -> str:
    """Names alone repeat where classes are sub-folders."""
    return f"{image.parent.name}/{image.name}"


@torch.no_grad()
def measure(pairs: dict[str, Pair], path: Path) -> Record:
    """What each classifier says of a photograph, and how its own prediction comes back by each map of it.

    Returns:
        By pair: its `logits`, and `curves`, 33 probabilities each from the blurred to the clean image, by map: `own`
        predictor's, the `other` pair's, and the class activation map (`cam`).
    """
    side = next(iter(pairs.values())).classifier.side
    image, blur = to_images(load_frames([path], side), CPU), GaussianBlur(side)
    stages = {name: pair.classifier(image).stages for name, pair in pairs.items()}
    record: Record = {}
    for name, pair in pairs.items():
        logits = pair.classifier.logits(image)[0]
        curves = {
            source: _rounded(
                preserving_curve(pair.classifier.logits, image[0], mask, int(logits.argmax()), blur)
            )
            for source, mask in _masks(pairs, stages, name, logits.argmax()[None])
        }
        record[name] = {"logits": _rounded(logits), "curves": curves}
    return record


def _masks(
    pairs: dict[str, Pair], stages: dict[str, tuple[Tensor, ...]], name: str, target: Tensor
) -> Iterator[tuple[str, Tensor]]:
    for other, pair in pairs.items():
        yield "own" if other == name else "other", pair.predictor(stages[other], target)[0]
    yield "cam", ClassActivationMap(pairs[name].classifier)(stages[name], target)[0]
