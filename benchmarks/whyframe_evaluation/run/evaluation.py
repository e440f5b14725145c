"""The study itself: each method on each picture, once; then each measure of each map, once."""

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

__all__ = ["CHEAP_PASSES", "COSTLY_IMAGES", "Evaluation"]

CHEAP_PASSES = 100
"""Methods of up to so many passes see every picture."""

COSTLY_IMAGES = 24
"""Costlier methods see so many with the quick budget, and costlier measures are taken on so many."""

Tell = Callable[[str], None]
"""Told of each method and picture done."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Methods on pictures.

    Attributes:
        classifier: that is explained.
        methods: in the order of the report.
        folder: of the report; every map is kept in it.
        quick: whether costly methods and measures see only the first `COSTLY_IMAGES`.
        store: keeps what was done, and each value as it comes.
    """

    classifier: Classifier
    methods: Sequence[Method]
    folder: Path
    quick: bool
    store: ResultFile

    def explain(self, subjects: Sequence[Sample], tell: Tell) -> None:
        """Makes the maps that are not kept yet; a method that failed on a picture is tried again."""
        for method in self.methods:
            for index, subject in enumerate(subjects):
                if not (self._is_done(method, subject) or self._is_enough(method, index)):
                    self.store.add(self._one(method, subject))
                tell(f"{method.title}: {index + 1} of {len(subjects)}")

    def measure(self, subjects: Sequence[Sample], tell: Tell) -> None:
        """Takes the measures that are not taken yet, from the maps that are kept; no method is run."""
        bench = ClassifierContext(self.classifier)
        for index, subject in enumerate(subjects):
            for row in self.rows([subject]):
                values = self._missing(METRICS, row.values, index)
                curves = self._missing(CURVES, row.curves, index)
                if (values or curves) and not row.error:
                    seen = MapContext(bench, subject, self._kept(row))
                    self.store.add_values(row, compute_metrics(seen, values), compute_curves(seen, curves))
            tell(f"Measures: picture {index + 1} of {len(subjects)}")

    def rows(self, subjects: Sequence[Sample]) -> list[MapResult]:
        """What the methods gave for these pictures, failures too."""
        found = (self._row(method, one) for method in self.methods for one in subjects)
        return [row for row in found if row is not None]

    def mask(self, method: str, file: str) -> NDArray[np.float32] | None:
        """The map of a picture, h x w, where the method gave one."""
        return self._maps.get(method, file)

    @cached_property
    def _maps(self) -> Maps:
        return Maps(self.folder / "maps")

    def _kept(self, row: MapResult) -> NDArray[np.float32]:
        scores = self.mask(row.method, row.file)
        if scores is None:
            raise EvaluationError(
                f"the map of {row.method} for {row.file} cannot be read; remove the folder "
                f"{self._maps.folder / row.method} and run the same command again."
            )
        return scores

    def _missing(
        self, known: Mapping[str, Metric] | Mapping[str, Curve], have: Container[str], index: int
    ) -> list[str]:
        dear = self.quick and index >= COSTLY_IMAGES
        wanted = (name for name, one in known.items() if not (dear and one.cost > CHEAP_METRIC))
        return [name for name in wanted if name not in have]

    def _row(self, method: Method, subject: Sample) -> MapResult | None:
        """What is kept, unless the picture or the method's weights have changed."""
        row = self.store.get(method.name, subject.file)
        return row if row is not None and row.digest == _digest(method, subject) else None

    def _is_done(self, method: Method, subject: Sample) -> bool:
        row = self._row(method, subject)
        return row is not None and not row.error and self._maps.has(method.name, subject.file)

    def _is_enough(self, method: Method, index: int) -> bool:
        """Whether a costly method has seen its share: its cost is known after the first picture."""
        passes = [r.forward + r.backward for r in self.store.rows if r.method == method.name and not r.error]
        return self.quick and index >= COSTLY_IMAGES and bool(passes) and max(passes) > CHEAP_PASSES

    def _one(self, method: Method, subject: Sample) -> MapResult:
        name, digest, start = method.name, _digest(method, subject), perf_counter()
        try:
            with count_passes(self.classifier) as passes:
                scores = self._scores(method, subject)
            seconds = perf_counter() - start
        except Exception as error:  # one picture that fails must not end a study of hours: it is reported
            return MapResult(name, subject.file, subject.target, error=one_line(error), digest=digest)
        self._maps.keep(name, subject.file, scores)
        return MapResult(
            name,
            subject.file,
            subject.target,
            {},
            passes.forward + method.extra_forward_passes,
            passes.backward,
            seconds,
            digest=digest,
        )

    def _scores(self, method: Method, subject: Sample) -> NDArray[np.float32]:
        target = subject.image.new_tensor([subject.target]).long()
        scores: Tensor = method.explain(self.classifier, subject.image[None], target)[0]
        if not scores.isfinite().all():
            raise ValueError("the map holds values that are not finite")
        return scores.cpu().numpy()


def _digest(method: Method, subject: Sample) -> str:
    return f"{subject.digest} {method.version}".rstrip()
