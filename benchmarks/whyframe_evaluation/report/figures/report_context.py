"""What the figures are drawn of: a study's lines, pictures and maps."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe.errors import WhyframeError
from whyframe.files import atomic_write
from whyframe_evaluation.methods import VARIANTS, build_method
from whyframe_evaluation.report.figures.style import png, svg
from whyframe_evaluation.report.method_summary import Estimate, MethodSummary
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["Arrays", "Mask", "ReportContext", "Section", "is_variant"]

Mask = NDArray[np.float32]
Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        short: its name among the links.
        title: its heading.
        reading: what to read from it, a sentence or two.
        body: HTML.
    """

    short: str
    title: str
    reading: str
    body: str


@dataclass(frozen=True, eq=False)
class ReportContext:
    """A finished study.

    Attributes:
        lines: of the table.
        rows: every method on every picture.
        subjects: the pictures.
        shown: how many of them have their maps drawn, from the first.
        labels: of the classes.
        mask_of: a method's map of a picture by their names, h x w float32; None where there is none.
        classifier: that was explained; what needs it is left out without one.
        experiments: what `run_experiments` found, and ``parts``; empty where none was made.
        folder: of the report, which gets the figures as files; None writes none.
    """

    lines: Sequence[MethodSummary]
    rows: Sequence[MapResult]
    subjects: Sequence[Sample]
    shown: int
    labels: Sequence[str]
    mask_of: Callable[[str, str], Mask | None]
    classifier: Classifier | None = None
    experiments: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def pictures(self) -> Sequence[Sample]:
        """Those that are drawn."""
        return self.subjects[: self.shown]

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """The methods' names as people read them."""
        return {line.method: _title(line.method) for line in self.lines}

    @property
    def main(self) -> list[MethodSummary]:
        """The lines but those of a controller's or a loss's variants, which have figures of their own."""
        return [line for line in self.lines if not is_variant(line.method)] or list(self.lines)

    def present(self, names: Sequence[str]) -> list[str]:
        """Which of the methods gave a map of a picture at all, in the order given."""
        known = {row.method for row in self.rows if not row.error}
        return [name for name in names if name in known]

    def cell(self, method: str, measure: str) -> Estimate | None:
        """A method's cell of the table."""
        return next((line.cells.get(measure) for line in self.lines if line.method == method), None)

    def masks(self, method: str) -> Iterator[Mask]:
        """A method's maps, of all pictures that it gave one of."""
        for subject in self.subjects:
            mask = self.mask_of(method, subject.file)
            if mask is not None:
                yield mask

    def label(self, subject: Sample) -> str:
        """The explained class, its first name."""
        return self.labels[subject.target].split(",")[0]

    def plot(self, name: str, figure: Figure, description: str) -> str:
        """A plot without photographs: an element for the page, and the file ``figures/NAME-plot.png``."""
        self.save(f"{name}-plot", figure)
        return f'<div class="plot">{svg(figure, description)}</div>'

    def save(self, name: str, figure: Figure) -> None:
        """The file ``figures/NAME.png``, where there is a folder."""
        if self.folder is not None:
            atomic_write(self._place(f"{name}.png"), png(figure))

    def kept(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Arrays that cost passes through the classifier, made once for a report folder."""
        if self.folder is None:
            return make()
        path = self._place(f"{name}.npz")
        if not path.is_file():
            buffer = io.BytesIO()
            np.savez_compressed(buffer, allow_pickle=False, **make())
            atomic_write(path, buffer.getvalue())
        with np.load(path) as arrays:
            return dict(arrays)

    def _place(self, file: str) -> Path:
        assert self.folder is not None
        place = self.folder / "figures" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


def is_variant(method: str) -> bool:
    """Whether a method is another setting of CT or MGnet, such as ``ct-0.5-2.5`` or ``mgnet-no-av``."""
    return method in VARIANTS or method == "mgnet-ct"


def _title(method: str) -> str:
    try:
        return build_method(method).title
    except WhyframeError:  # a method of one's own
        return method
