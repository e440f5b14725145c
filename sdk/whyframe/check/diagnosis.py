"""Search for the stage in which a user's pipeline differs from a fused file.

The pipeline is a black box. The classifier of the file is therefore run on inputs that are prepared in each of the
known ways, and the way whose answers come nearest to the pipeline's names what the pipeline does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.check.comparison import differences
from whyframe.check.preparation import Images, Preparation, resize_rules, with_interpolations
from whyframe.check.relations import relation
from whyframe.check.renormalise import Renormaliser
from whyframe.progress import ProgressBar, progress_bar

__all__ = ["Diagnosis", "Stage", "diagnose"]

_BEST_GEOMETRIES, _LIKELY = 3, 3
_MATTERS = 5e-4
"""Smallest mean difference of the probabilities by which a stage counts as different."""

_SHARE = 0.2
"""Smallest share of the remaining difference by which a stage counts as different."""


@dataclass(frozen=True)
class Stage:
    """One stage between the image file and the probabilities.

    Attributes:
        name: Name of the stage.
        state: ``"same"``, ``"differs"`` or ``"not checked"``.
        detail: What the file does and what the pipeline seems to do, or why the stage is not checked.
        effect: Mean difference of the probabilities that the stage alone causes; None where it is the same.
    """

    name: str
    state: str
    detail: str
    effect: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """The preparation under which the file's answers come nearest to those of the pipeline.

    Attributes:
        best: The nearest preparation.
        before: Mean difference of the probabilities under the file's own preparation.
        after: Mean difference of the probabilities under the nearest preparation.
        images: Number of images that were compared.
        stages: The stages, in the order of the data.
    """

    best: Preparation
    before: float
    after: float
    images: int
    stages: tuple[Stage, ...]

    def summary(self) -> str:
        """Return the nearest preparation in a sentence."""
        words = [str(self.best.resize), str(self.best.decoding)]
        words += ["red and blue exchanged"] if self.best.swapped else []
        words += [] if self.best.normalisation is None else [f"normalised by {self.best.normalisation.name}"]
        return f"your pipeline agrees best with: {'; '.join(words)} (mean difference {self.after:.4f})"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        best = self.best
        return {
            "images": self.images,
            "before": self.before,
            "after": self.after,
            "best": {
                "resize": best.resize.to_dict(),
                "decoding": dataclasses.asdict(best.decoding),
                "swapped": best.swapped,
                "normalisation": best.normalisation and dataclasses.asdict(best.normalisation),
            },
            "stages": [dataclasses.asdict(stage) for stage in self.stages],
        }


class _Search:
    """Mean difference of the file's answers from the pipeline's, by preparation."""

    def __init__(
        self,
        images: Images,
        theirs: NDArray[np.float64],
        classify: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
        renormaliser: Renormaliser,
        bar: ProgressBar,
    ) -> None:
        self.images, self.theirs, self.renormaliser = images, theirs, renormaliser
        self._classify, self._bar = classify, bar
        self._known: dict[Preparation, float] = {}

    def answers(self, preparation: Preparation) -> NDArray[np.float32]:
        inputs = self.images.inputs(preparation)
        if preparation.normalisation is None:
            return self._classify(inputs)
        return self.renormaliser.classify(inputs, preparation.normalisation)

    def distance(self, preparation: Preparation) -> float:
        if preparation not in self._known:
            self._known[preparation] = float(differences(self.answers(preparation), self.theirs).mean())
            self._bar.advance(f"best {min(self._known.values()):.4f}")
        return self._known[preparation]

    def nearest(self, candidates: Iterable[Preparation]) -> Preparation:
        """Return the candidate with the smallest distance; the first of equal ones."""
        return min(candidates, key=self.distance)

    def run(self, own: Preparation, enough: float) -> Preparation:
        """Return the nearest of all preparations.

        The choices depend on each other: under a wrong normalisation, a wrong resize rule may come nearer than the
        right one. So each of the likely normalisations is tried with every resize rule; the file's own first, because
        it usually explains everything.

        Args:
            own: The file's own preparation.
            enough: Distance at which the search ends.
        """
        orders = (False, True) if self.images.spec.channels > 1 else (False,)
        best = self.nearest(self._refined(dataclasses.replace(own, swapped=order)) for order in orders)
        if self.distance(best) <= enough / 2 or self.renormaliser.own is None:
            return best
        others = [known for known in self.renormaliser.known if known != self.renormaliser.own]
        starts = [
            self.nearest(self._coarse(dataclasses.replace(own, normalisation=normalisation, swapped=order)))
            for normalisation, order in product(others, orders)
        ]
        likely = sorted(starts, key=self.distance)[:_LIKELY]
        return self.nearest([best, *map(self._refined, likely)])

    def _refined(self, start: Preparation) -> Preparation:
        """Return the nearest preparation with the normalisation and the order of the channels of another."""
        best = self.nearest([start, *self._resized(start)])
        return self.nearest([best, *self._decoded(best)])

    def _coarse(self, start: Preparation) -> Iterator[Preparation]:
        spec = self.images.spec
        rules = [rule for rule in resize_rules(spec.height, spec.width) if rule.shorter_side is None]
        for rule in [start.resize, *rules[:3]]:
            yield dataclasses.replace(start, resize=rule)

    def _resized(self, start: Preparation) -> Iterator[Preparation]:
        spec = self.images.spec
        rules = [dataclasses.replace(start, resize=rule) for rule in resize_rules(spec.height, spec.width)]
        yield from rules
        for near in sorted(rules, key=self.distance)[:_BEST_GEOMETRIES]:
            for rule in with_interpolations(near.resize, spec.channels):
                yield dataclasses.replace(start, resize=rule)

    def _decoded(self, start: Preparation) -> Iterator[Preparation]:
        for decoding in self.images.decodings():
            yield dataclasses.replace(start, decoding=decoding)


def diagnose(
    images: Images,
    theirs: NDArray[np.float64],
    classify: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    renormaliser: Renormaliser,
    *,
    enough: float,
    progress: bool = False,
) -> Diagnosis:
    """Find the preparation under which a file gives the answers of a pipeline, and the stages that differ.

    Args:
        images: The images to compare on.
        theirs: N x C probabilities of the pipeline.
        classify: Function from inputs to the probabilities of the file.
        renormaliser: The file's classifier with other normalisations.
        enough: Mean difference below which the preparation explains the difference; above it the graph differs.
        progress: Show a progress bar on stderr.
    """
    own = Preparation(images.spec.resize)
    with progress_bar("diagnosis", None, hidden=not progress) as bar:
        search = _Search(images, theirs, classify, renormaliser, bar)
        best = _simplified(search, search.run(own, enough), own)
        stages = tuple(_stages(search, best, own, enough))
    return Diagnosis(best, search.distance(own), search.distance(best), len(theirs), stages)


_CHOICES = {
    "decoding": ("decoding",),
    "colour order": ("swapped",),
    "resizing": ("resize",),
    "normalisation": ("normalisation",),
}
"""Fields of a preparation, by stage."""


def _reset(best: Preparation, own: Preparation, stage: str) -> Preparation:
    return dataclasses.replace(best, **{name: getattr(own, name) for name in _CHOICES[stage]})


def _simplified(search: _Search, best: Preparation, own: Preparation) -> Preparation:
    """Return the nearest preparation without the choices that hardly bring it nearer than the file's own."""
    for stage in _CHOICES:
        if not _matters(search, best, _reset(best, own, stage)):
            best = _reset(best, own, stage)
    return best


def _matters(search: _Search, best: Preparation, other: Preparation) -> bool:
    gain = search.distance(other) - search.distance(best)
    return gain > max(_MATTERS, _SHARE * search.distance(best))


def _stages(search: _Search, best: Preparation, own: Preparation, enough: float) -> Iterator[Stage]:
    for name in _CHOICES:
        yield _stage(search, best, own, name)
    yield _graph_stage(search, best, enough)


def _stage(search: _Search, best: Preparation, own: Preparation, name: str) -> Stage:
    without = _reset(best, own, name)
    if name == "normalisation" and search.renormaliser.own is None:
        return Stage(
            name, "not checked", "the constants of the normalisation are not recognised in this file"
        )
    if without == best:
        return Stage(name, "same", _in_words(search, own, name))
    effect = search.distance(without) - search.distance(best)
    return Stage(
        name,
        "differs",
        f"file: {_in_words(search, own, name)}; yours: {_in_words(search, best, name)}",
        effect,
    )


def _in_words(search: _Search, preparation: Preparation, stage: str) -> str:
    if stage == "decoding":
        return str(preparation.decoding)
    if stage == "colour order":
        return "blue first" if preparation.swapped else "red first"
    if stage == "resizing":
        return str(preparation.resize)
    return str(preparation.normalisation or search.renormaliser.own)


def _graph_stage(search: _Search, best: Preparation, enough: float) -> Stage:
    rest = search.distance(best)
    if rest <= enough:
        return Stage("graph", "same", f"what remains is a mean difference of {rest:.4f}")
    found = relation(search.answers(best), search.theirs)
    detail = found or (
        "no known preparation explains the answers: other weights, other outputs, or a step that is not tried here"
    )
    return Stage("graph", "differs", detail, rest)
