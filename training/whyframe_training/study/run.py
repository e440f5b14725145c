"""The study itself: each method on each picture, once."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from torch import Tensor

from whyframe.errors import one_line
from whyframe.files import write_whole
from whyframe_training.classifiers import Classifier
from whyframe_training.methods import build_method
from whyframe_training.methods.base import Method
from whyframe_training.methods.passes import count_passes
from whyframe_training.study.measures import Bench
from whyframe_training.study.store import Row, Store
from whyframe_training.study.subjects import Subject

__all__ = ["CHEAP_PASSES", "COSTLY_IMAGES", "Study"]

CHEAP_PASSES = 100
"""Methods of up to so many passes see every picture."""

COSTLY_IMAGES = 24
"""Costlier ones see so many with the quick budget."""


@dataclass(frozen=True, eq=False)
class Study:
    """Methods on pictures.

    Attributes:
        classifier: that is explained.
        methods: by name, in the order of the report.
        folder: of the report; masks that are shown are kept in it.
        quick: whether costly methods see only the first `COSTLY_IMAGES`.
        shown: how many pictures the report shows.
    """

    classifier: Classifier
    methods: Sequence[str]
    folder: Path
    quick: bool
    shown: int

    def run(self, subjects: Sequence[Subject], store: Store, progress: Callable[[str], None]) -> None:
        """Measures what the store does not hold yet.

        Args:
            subjects: the pictures.
            store: keeps each value as it comes.
            progress: told of each method and picture done.
        """
        bench = Bench(self.classifier)
        for name in self.methods:
            method = build_method(name)
            for index, subject in enumerate(subjects):
                if not (store.has(name, subject.file) or self._is_enough(store, name, index)):
                    store.add(self._one(bench, method, subject, index))
                progress(f"{method.title}: {index + 1} of {len(subjects)}")

    def _is_enough(self, store: Store, name: str, index: int) -> bool:
        """Whether a costly method has seen its share: its cost is known after the first picture."""
        passes = [row.forward + row.backward for row in store.rows if row.method == name and not row.error]
        return self.quick and index >= COSTLY_IMAGES and bool(passes) and max(passes) > CHEAP_PASSES

    def _one(self, bench: Bench, method: Method, subject: Subject, index: int) -> Row:
        start = perf_counter()
        try:
            with count_passes(self.classifier) as passes:
                scores = method.explain(
                    self.classifier, subject.image[None], subject.image.new_tensor([subject.target]).long()
                )[0]
            seconds = perf_counter() - start
            values = bench.measure(subject, scores)
        except Exception as error:  # one picture that fails must not end a study of hours: it is reported
            return Row(method.name, subject.file, subject.target, error=one_line(error))
        if index < self.shown:
            self._keep(method.name, index, scores)
        return Row(
            method.name,
            subject.file,
            subject.target,
            values,
            passes.forward + method.unseen,
            passes.backward,
            seconds,
        )

    def mask(self, method: str, index: int) -> np.ndarray | None:
        """The map of a shown picture, h x w float32, where the method gave one."""
        path = self._mask_path(method, index)
        return np.load(path) if path.is_file() else None

    def _keep(self, method: str, index: int, scores: Tensor) -> None:
        path = self._mask_path(method, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _npy(scores.cpu().numpy()))

    def _mask_path(self, method: str, index: int) -> Path:
        return self.folder / "masks" / f"{method}-{index}.npy"


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
