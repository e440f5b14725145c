"""The result of explaining one frame."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OutputError
from whyframe.files import atomic_write
from whyframe.manifest import Manifest
from whyframe.overlay import draw
from whyframe.preprocess import to_frame
from whyframe.scores import Scores

__all__ = ["Explanation"]

_IMAGES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, eq=False, kw_only=True)
class Explanation:
    """What the classifier saw in one frame, and which pixels made it say so.

    A map shows where the evidence for the explained class lies *within this frame*. Each map is normalised to
    itself, so scores are not comparable between frames, and a high score says nothing of how sure the
    classifier is: that is ``probability``.

    Attributes:
        frame: H x W x 3 uint8 BGR, the frame explained. Not copied where the caller gave such an array:
            writing into that array later changes what `overlay` draws on, but nothing else here. A frame that
            was given on a GPU stays there: ``numpy.asarray(result.frame)`` downloads it.
        class_id: The class explained: the target, or the predicted one.
        label: Its name.
        probability: Its probability, in [0, 1].
        probabilities: C float32, read-only.
        scores: The map itself, which may lie on a device until it is read: by ``mask``, ``flat``, ``saliency``,
            `overlay`.
        timings: Milliseconds by stage: ``preprocess`` (checks and resizing; on a GPU, checks and the upload),
            ``inference`` (the fused graph; on a GPU, with the resizing), ``refine`` (0 where not asked for) and
            ``total``. In a batch, each frame's equal share.
        manifest: The model's manifest.
        index: Position of the frame in its source.
        timestamp: Seconds from the start of the source, or None where it has no clock.
    """

    frame: NDArray[np.uint8] = field(repr=False)
    class_id: int
    label: str
    probability: float
    probabilities: NDArray[np.float32] = field(repr=False)
    scores: Scores = field(repr=False)
    timings: Mapping[str, float] = field(repr=False)
    manifest: Manifest = field(repr=False)
    index: int = 0
    timestamp: float | None = None

    @property
    def mask(self) -> NDArray[np.float32]:
        """S x s float32 in [0, 1] as the graph gave it, or S x S after ``refine``; read-only."""
        return self.scores.mask

    @property
    def flat(self) -> bool:
        """The map or the frame carries no signal: there is nothing to see, and the overlay draws no map."""
        return self.scores.flat

    @cached_property
    def saliency(self) -> NDArray[np.float32]:
        """H x W float32 in [0, 1], read-only: the mask at the frame's own size, computed on first reading."""
        height, width = self.frame.shape[:2]
        scores = to_frame(self.mask, height, width, self.manifest.resize)
        scores.flags.writeable = False
        return scores

    def top(self, k: int = 5) -> list[tuple[str, float, int]]:
        """The k most probable classes as (label, probability, class id), the most probable first."""
        ids = np.argsort(-self.probabilities, kind="stable")[: max(k, 0)]
        return [(self.manifest.labels[i], float(self.probabilities[i]), int(i)) for i in ids]

    def overlay(self) -> NDArray[np.uint8]:
        """The frame with its map, label and probability drawn on it: a new H x W x 3 uint8 BGR array."""
        return draw(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the overlay (.png, .jpg) or the saliency (.npy, H x W float32) to a file.

        Returns:
            The path written.

        Raises:
            OutputError: The ending is another one, the folder does not exist, or it cannot be written to.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".npy":
            return atomic_write(path, _npy(self.saliency))
        if suffix not in _IMAGES:
            known = ", ".join((*_IMAGES, ".npy"))
            raise OutputError(
                f"{path} ends in {suffix or 'nothing'!r}; give a name that ends in one of {known}."
            )
        _, data = cv2.imencode(suffix, self.overlay())
        return atomic_write(path, data.tobytes())

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values; one such object is one line of ``whyframe run --json``.

        Returns:
            ``index`` (int), ``timestamp`` (seconds or null), ``class_id``, ``label``, ``probability``,
            ``top5`` (up to five objects with ``label``, ``probability``, ``class_id``), ``flat`` (bool),
            ``peak`` ([x, y] of the highest saliency in pixels of the frame, or null where flat) and
            ``timings`` (milliseconds by stage).
        """
        return {
            "index": self.index,
            "timestamp": self.timestamp,
            "class_id": self.class_id,
            "label": self.label,
            "probability": self.probability,
            "top5": [{"label": name, "probability": p, "class_id": i} for name, p, i in self.top(5)],
            "flat": self.flat,
            "peak": None if self.flat else self._peak(),
            "timings": {stage: round(milliseconds, 3) for stage, milliseconds in self.timings.items()},
        }

    def _peak(self) -> list[int]:
        y, x = np.unravel_index(int(self.saliency.argmax()), self.saliency.shape)
        return [int(x), int(y)]


def _npy(array: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
