"""Results of an evaluation, for programs and for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe_evaluation.run.maps import Maps
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.method_summary import MethodSummary
from whyframe_evaluation.summary.part_summary import PartSummary
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["EvaluationFacts", "EvaluationResult"]


@dataclass(frozen=True)
class EvaluationFacts:
    """Facts about an evaluation: classifier, images and budget.

    Attributes:
        classifier: Name of the classifier.
        data: Names of the image folders, separated by commas.
        images: Number of evaluated images.
        boxed: Number of evaluated images that have boxes of the predicted class.
        left_out: Number of images that were left out because they have no box of the predicted class.
        budget: Name of the budget, and its meaning.
        version: Version of whyframe.
    """

    classifier: str
    data: str
    images: int
    boxed: int
    left_out: int
    budget: str
    version: str


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """Results of an evaluation.

    Attributes:
        classifier: The explained network.
        folder: The report folder, with the maps and the values that a later run reuses.
        facts: Classifier, images and budget.
        samples: The samples, in the order of the evaluation.
        map_results: The result of each method on each sample, failures included.
        method_summaries: The summary of each method, in the order of the tables.
        experiments: Results of the experiments, see `run_experiments`.
        part_summaries: Intensities at annotated eyes and feet; None where no keypoints were given.
        warnings: Messages about possible mistakes, such as categories that match no class.
    """

    classifier: Classifier
    folder: Path
    facts: EvaluationFacts
    samples: Sequence[Sample]
    map_results: Sequence[MapResult]
    method_summaries: Sequence[MethodSummary]
    experiments: Mapping[str, Any] = field(default_factory=dict)
    part_summaries: Sequence[PartSummary] | None = None
    warnings: Sequence[str] = ()

    def mask(self, method: str, file: str) -> NDArray[np.float32] | None:
        """Return a method's map of a sample, h x w, or None where there is none.

        Args:
            method: Name of the method.
            file: Name of the sample, see `Sample.file`.
        """
        return Maps(self.folder / "maps").load(method, file)
