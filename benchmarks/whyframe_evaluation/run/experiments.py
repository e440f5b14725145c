"""Experiments that need several images: attacks and rotations (Fong and Vedaldi 2017, sections 5.5 and 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from whyframe.errors import one_line
from whyframe.files import atomic_write, json_text
from whyframe.json_reader import JsonError, read_json
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.metrics.classify import as_classify
from whyframe_evaluation.metrics.invariance import most_informative, rotation_errors
from whyframe_evaluation.run.adversarial_experiment import (
    AdversarialImages,
    adversarial_values,
    attack_samples,
)
from whyframe_evaluation.run.evaluation import OnProgress
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["ALWAYS_INCLUDED", "CHEAPEST_PASSES", "run_experiments", "select_experiment_methods"]

CHEAPEST_PASSES = 2
"""Largest number of passes per image of a method that takes part, because it also explains adversarial images."""

ALWAYS_INCLUDED = "meaningful-deletion"
"""Method that takes part at any cost, because the paper proposed the experiment for it."""

ANGLES = (5.0, 15.0, 30.0, 60.0, 90.0)
"""Largest rotations in degrees."""

DRAWS = 4
"""Random rotations per image and angle."""

DEGREE_WEIGHT = 0.005
"""Increase of the error that is accepted for an additional degree in the most informative rule."""

MaskOf = Callable[[str, str], NDArray[np.float32] | None]


def select_experiment_methods(methods: Iterable[Method], results: Iterable[MapResult]) -> list[Method]:
    """Return the methods of the experiments: those of at most `CHEAPEST_PASSES` passes, and `ALWAYS_INCLUDED`.

    Args:
        methods: All methods of the evaluation.
        results: Results of the methods. The median of a method's passes counts, because its first map may cost more.
    """
    passes: dict[str, list[float]] = {}
    for result in results:
        if not result.error:
            passes.setdefault(result.method, []).append(result.forward + result.backward)
    cheap = {name for name, counts in passes.items() if median(counts) <= CHEAPEST_PASSES}
    return [
        method for method in methods if method.name in passes and method.name in {*cheap, ALWAYS_INCLUDED}
    ]


def run_experiments(
    classifier: Classifier,
    samples: Sequence[Sample],
    methods: Sequence[Method],
    mask_of: MaskOf,
    path: Path,
    on_progress: OnProgress = str,
) -> dict[str, Any]:
    """Run all experiments whose results for the same samples are not in the file yet.

    Args:
        classifier: The network to explain.
        samples: The images.
        methods: The methods, see `select_experiment_methods`.
        mask_of: Function from the names of a method and a sample to the stored map, h x w; None where there is none.
        path: JSON file of the results.
        on_progress: Function that is called with the title of each finished method.

    Returns:
        A dict with ``rotation`` (by largest angle in degrees, the percentage of images whose predicted class
        changes), ``invariant_to`` (the angle of the most informative accurate rule) and ``methods`` (by method, the
        `adversarial_values`, or ``error``).
    """
    files = [f"{sample.file} {sample.digest}" for sample in samples]
    found = _stored(path)
    if found.get("pictures") != files:
        found = {"pictures": files, **_rotation_values(classifier, samples), "methods": {}}
    missing = [method for method in methods if not _is_done(found["methods"].get(method.name), method)]
    attacked = attack_samples(classifier, samples) if missing else None
    for method in methods:
        if attacked is not None and method in missing:
            values = _adversarial_values_or_error(classifier, method, attacked, mask_of)
            found["methods"][method.name] = {"version": method.version, **values}
            atomic_write(path, (json_text(found, indent=1) + "\n").encode())
        on_progress(method.title)
    return {**found, "methods": {method.name: found["methods"][method.name] for method in methods}}


def _stored(path: Path) -> dict[str, Any]:
    """Return the results in the file; none where it is missing or damaged, so that they are computed again."""
    try:
        found = read_json(path)
    except (OSError, JsonError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("methods"), dict) else {}


def _is_done(values: Mapping[str, Any] | None, method: Method) -> bool:
    """Return whether stored values are valid; a method that failed is tried again."""
    return values is not None and "error" not in values and values.get("version", "") == method.version


def _rotation_values(classifier: Classifier, samples: Sequence[Sample]) -> dict[str, Any]:
    classify = as_classify(classifier.probabilities, classifier.mean.device, batch=DRAWS + 1)
    errors = rotation_errors(classify, [sample.frame for sample in samples], ANGLES, DRAWS)
    percent = {f"{angle:g}": 100 * error for angle, error in errors.items()}
    return {"rotation": percent, "invariant_to": most_informative(errors, DEGREE_WEIGHT)}


def _adversarial_values_or_error(
    classifier: Classifier, method: Method, attacked: AdversarialImages, mask_of: MaskOf
) -> dict[str, Any]:
    try:
        clean_maps = [_clean_map(mask_of, method.name, file) for file in attacked.files]
        return adversarial_values(classifier, method, attacked, clean_maps)
    except Exception as error:  # a failing method must not end an evaluation of hours
        return {"error": one_line(error)}


def _clean_map(mask_of: MaskOf, method: str, file: str) -> Tensor:
    scores = mask_of(method, file)
    if scores is None:
        raise ValueError(f"there is no map of {file}")
    return torch.from_numpy(scores)
