"""Context that the sections of the page share: the finished evaluation, and the storage of their figures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe.files import atomic_write
from whyframe_evaluation.methods import VARIANTS
from whyframe_evaluation.report.figures.style import png, svg
from whyframe_evaluation.report.rendering import render
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.evaluation_result import EvaluationResult
from whyframe_evaluation.summary.method_summary import Estimate, MethodSummary

__all__ = ["Arrays", "Mask", "ReportContext", "Section", "is_variant"]

Mask = NDArray[np.float32]
Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        link: Short title, for the links at the top of the page.
        title: Heading.
        introduction: Content of the section and how to read it, in a few sentences.
        body: HTML of the content.
        has_maps: Whether the section shows maps, which need a colour scale.
    """

    link: str
    title: str
    introduction: str
    body: Markup
    has_maps: bool = False


@dataclass(frozen=True, eq=False)
class ReportContext:
    """A finished evaluation and its report.

    Attributes:
        result: The results.
        shown: Number of samples whose maps are drawn, from the first.
    """

    result: EvaluationResult
    shown: int

    @property
    def shown_samples(self) -> Sequence[Sample]:
        """The samples whose maps are drawn."""
        return self.result.samples[: self.shown]

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """Titles of the methods, by name."""
        return {summary.method: summary.title for summary in self.result.method_summaries}

    @property
    def main_summaries(self) -> list[MethodSummary]:
        """The summaries, without the variants of CT and MGnet, which have sections of their own."""
        summaries = self.result.method_summaries
        return [summary for summary in summaries if not is_variant(summary.method)] or list(summaries)

    def methods_with_maps(self, names: Sequence[str]) -> list[str]:
        """Return those of the named methods that gave any map, in the order given."""
        known = {result.method for result in self.result.map_results if not result.error}
        return [name for name in names if name in known]

    def estimate(self, method: str, column: str) -> Estimate | None:
        """Return a method's value of a column, or None where it has none."""
        summaries = self.result.method_summaries
        return next((item.estimates.get(column) for item in summaries if item.method == method), None)

    def masks(self, method: str) -> Iterator[Mask]:
        """Yield the maps of a method, without the samples for which it has none."""
        for sample in self.result.samples:
            mask = self.result.mask(method, sample.file)
            if mask is not None:
                yield mask

    def label(self, sample: Sample) -> str:
        """Return the first name of the explained class."""
        return self.result.classifier.labels[sample.target].split(",")[0]

    def plot(self, name: str, figure: Figure, description: str) -> Markup:
        """Return a figure as HTML, and write the file ``figures/NAME-plot.png``.

        Args:
            name: Name of the file.
            figure: The figure.
            description: Content of the figure, for readers who cannot see it.
        """
        self.save_figure(f"{name}-plot", figure)
        return render("plot.html.j2", svg=svg(figure, description))

    def save_figure(self, name: str, figure: Figure) -> None:
        """Write the file ``figures/NAME.png``."""
        atomic_write(self._figure_path(f"{name}.png"), png(figure))

    def cached_arrays(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """Return arrays that are costly to compute: those of ``figures/NAME.npz``, computed where it is missing."""
        path = self._figure_path(f"{name}.npz")
        if not path.is_file():
            buffer = io.BytesIO()
            np.savez_compressed(buffer, allow_pickle=False, **compute())
            atomic_write(path, buffer.getvalue())
        with np.load(path) as arrays:
            return dict(arrays)

    def _figure_path(self, file: str) -> Path:
        path = self.result.folder / "figures" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def is_variant(method: str) -> bool:
    """Return whether a method is another setting of CT or MGnet, such as ``ct-0.5-2.5`` or ``mgnet-no-av``."""
    return method in VARIANTS or method == "mgnet-ct"
