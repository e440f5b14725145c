"""Agreement of two sets of answers on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.manifest import Manifest

__all__ = ["Comparison", "Limits", "differences"]

_TIE = 1e-6


@dataclass(frozen=True)
class Limits:
    """What a comparison must reach to pass.

    Attributes:
        top_agreement: Smallest share of images with the same top class.
        mean_difference: Largest mean difference of the probabilities.
    """

    top_agreement: float = 0.99
    mean_difference: float = 0.005


@dataclass(frozen=True, eq=False)
class Comparison:
    """Answers of whyframe and of a user's pipeline for the same images.

    The difference of an image is that of the class in which the two answers differ most. The mean over all classes
    would say little: with a thousand classes it is small for any two answers.

    Attributes:
        paths: The N image files.
        ours: N x C probabilities that whyframe reports.
        theirs: N x C probabilities of the user's pipeline; NaN where it named no probability.
        manifest: Manifest of the model.
    """

    paths: Sequence[Path]
    ours: NDArray[np.float64]
    theirs: NDArray[np.float64]
    manifest: Manifest

    @property
    def per_image(self) -> NDArray[np.float64]:
        """The difference of each image, N float64."""
        return differences(self.ours, self.theirs)

    @property
    def agrees(self) -> NDArray[np.bool_]:
        """Whether the top class is the same, for each image; for independent labels, whether those present are."""
        known = ~np.isnan(self.theirs)
        if not self.manifest.exclusive:
            limits = np.asarray(self.manifest.thresholds, np.float64)
            return (((self.ours >= limits) == (self.theirs >= limits)) | ~known).all(axis=1)
        ours = np.where(known, self.ours, -1.0)
        theirs = np.where(known, self.theirs, -1.0)
        chosen = np.take_along_axis(theirs, ours.argmax(axis=1)[:, None], axis=1)[:, 0]
        return chosen >= theirs.max(axis=1) - _TIE

    @property
    def worst(self) -> int:
        """Position of the image with another top class and the largest difference, or with the largest difference."""
        return int(self.worst_first()[0])

    def worst_first(self) -> NDArray[np.int64]:
        """Return the positions of the images, those with another top class first, then by their difference."""
        return np.lexsort((-self.per_image, self.agrees))

    def passes(self, limits: Limits) -> bool:
        """Return whether the answers agree as far as the limits require."""
        return (
            float(self.agrees.mean()) >= limits.top_agreement
            and float(self.per_image.mean()) <= limits.mean_difference
        )

    def top(self, index: int, count: int = 3) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        """Return the most probable classes of an image and their probabilities: whyframe's, and the pipeline's."""
        labels = self.manifest.labels
        rows = (self.ours[index], np.where(np.isnan(self.theirs[index]), -1.0, self.theirs[index]))
        tops = [
            [(labels[i], float(row[i])) for i in (-row).argsort(kind="stable")[:count] if row[i] >= 0]
            for row in rows
        ]
        return tops[0], tops[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        ours, theirs = self.top(self.worst)
        return {
            "images": len(self.paths),
            "top_agreement": float(self.agrees.mean()),
            "top_agreement_count": int(self.agrees.sum()),
            "largest_difference": float(self.per_image.max()),
            "mean_difference": float(self.per_image.mean()),
            "worst": {
                "file": str(self.paths[self.worst]),
                "difference": float(self.per_image[self.worst]),
                "whyframe": [{"label": label, "probability": p} for label, p in ours],
                "pipeline": [{"label": label, "probability": p} for label, p in theirs],
            },
        }


def differences(ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.float64]:
    """Return the largest difference over the classes, for each of N images; NaN entries do not count."""
    return np.nanmax(np.abs(np.asarray(ours, np.float64) - theirs), axis=1)
