"""The resumable core of an evaluation: each method on each sample, then each metric of each map."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from whyframe.errors import one_line
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.methods.pass_counter import count_passes
from whyframe_evaluation.run.context import ClassifierContext, MapContext
from whyframe_evaluation.run.map_curves import CURVES, Curve, compute_curves
from whyframe_evaluation.run.map_metrics import CHEAP_METRIC, METRICS, Metric, compute_metrics
from whyframe_evaluation.run.maps import Maps
from whyframe_evaluation.run.results import EvaluationError, MapResult, ResultFile
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["CHEAP_PASSES", "COSTLY_IMAGES", "Evaluation", "OnProgress"]

CHEAP_PASSES = 100
"""Largest number of passes of a method that the quick budget runs on every image."""

COSTLY_IMAGES = 24
"""Number of images that the quick budget gives to costlier methods and metrics."""

OnProgress = Callable[[str], object]
"""Function that is called after each finished step with a description of it."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Methods on samples.

    Attributes:
        classifier: The network to explain.
        methods: The methods, in the order of the report.
        folder: The report folder; the maps are stored in its sub-folder ``maps``.
        quick: Whether costly methods and metrics are limited to the first `COSTLY_IMAGES` samples.
        result_file: File that stores each result as soon as it is computed, with the results of earlier runs.
    """

    classifier: Classifier
    methods: Sequence[Method]
    folder: Path
    quick: bool
    result_file: ResultFile

    def explain(self, samples: Sequence[Sample], on_progress: OnProgress) -> None:
        """Make the maps that are not stored yet. A method that failed on a sample is tried again."""
        for method in self.methods:
            for index, sample in enumerate(samples):
                if not (self._is_done(method, sample) or self._exceeds_budget(method, index)):
                    self.result_file.add(self._explain_sample(method, sample))
                on_progress(method.title)

    def measure(self, samples: Sequence[Sample], on_progress: OnProgress) -> None:
        """Compute the metrics and curves that are not stored yet, from the stored maps; no method is run."""
        classifier = ClassifierContext(self.classifier)
        for index, sample in enumerate(samples):
            for result in self.map_results([sample]):
                values = self._missing(METRICS, result.values, index)
                curves = self._missing(CURVES, result.curves, index)
                if (values or curves) and not result.error:
                    context = MapContext(classifier, sample, self._stored_map(result))
                    self.result_file.add_values(
                        result, compute_metrics(context, values), compute_curves(context, curves)
                    )
            on_progress(sample.file)

    def map_results(self, samples: Sequence[Sample]) -> list[MapResult]:
        """Return the results of the methods on these samples, failures included."""
        found = (self._valid_result(method, sample) for method in self.methods for sample in samples)
        return [result for result in found if result is not None]

    def mask(self, method: str, file: str) -> NDArray[np.float32] | None:
        """Return a method's map of a sample, h x w, or None where there is none."""
        return self._maps.load(method, file)

    @cached_property
    def _maps(self) -> Maps:
        return Maps(self.folder / "maps")

    def _stored_map(self, result: MapResult) -> NDArray[np.float32]:
        scores = self.mask(result.method, result.file)
        if scores is None:
            raise EvaluationError(
                f"the map of {result.method} for {result.file} cannot be read; remove the folder "
                f"{self._maps.folder / result.method} and run the same command again."
            )
        return scores

    def _missing(
        self, known: Mapping[str, Metric] | Mapping[str, Curve], computed: Container[str], index: int
    ) -> list[str]:
        """Return the names of the metrics or curves that the sample at an index still needs."""
        cheap_only = self.quick and index >= COSTLY_IMAGES
        wanted = (name for name, item in known.items() if not (cheap_only and item.cost > CHEAP_METRIC))
        return [name for name in wanted if name not in computed]

    def _valid_result(self, method: Method, sample: Sample) -> MapResult | None:
        """Return the stored result, unless the image or the method's weights have changed since."""
        result = self.result_file.get(method.name, sample.file)
        return result if result is not None and result.digest == _compute_digest(method, sample) else None

    def _is_done(self, method: Method, sample: Sample) -> bool:
        result = self._valid_result(method, sample)
        return result is not None and not result.error and self._maps.exists(method.name, sample.file)

    def _exceeds_budget(self, method: Method, index: int) -> bool:
        """Return whether the quick budget leaves out a sample; a method's cost is known after its first map."""
        passes = [
            result.forward + result.backward
            for result in self.result_file.results
            if result.method == method.name and not result.error
        ]
        return self.quick and index >= COSTLY_IMAGES and bool(passes) and max(passes) > CHEAP_PASSES

    def _explain_sample(self, method: Method, sample: Sample) -> MapResult:
        digest, start = _compute_digest(method, sample), perf_counter()
        try:
            with count_passes(self.classifier) as passes:
                scores = self._compute_map(method, sample)
            seconds = perf_counter() - start
        except Exception as error:  # a failure on one image must not end an evaluation of hours
            return MapResult(method.name, sample.file, sample.target, error=one_line(error), digest=digest)
        self._maps.save(method.name, sample.file, scores)
        return MapResult(
            method.name,
            sample.file,
            sample.target,
            forward=passes.forward + method.extra_forward_passes,
            backward=passes.backward,
            seconds=seconds,
            digest=digest,
        )

    def _compute_map(self, method: Method, sample: Sample) -> NDArray[np.float32]:
        target = sample.image.new_tensor([sample.target]).long()
        scores: Tensor = method.explain(self.classifier, sample.image[None], target)[0]
        if not scores.isfinite().all():
            raise ValueError("the map holds values that are not finite")
        return scores.cpu().numpy()


def _compute_digest(method: Method, sample: Sample) -> str:
    return f"{sample.digest} {method.version}".rstrip()
