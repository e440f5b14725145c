"""The explanation of one frame."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whyframe.colormap import COLORMAP, OPACITY
from whyframe.errors import OutputError
from whyframe.files import atomic_write
from whyframe.manifest import Manifest
from whyframe.opencv import IMAGE_SUFFIXES, check_image_size, write_image
from whyframe.overlay import draw
from whyframe.scores import Scores

__all__ = ["ClassScore", "Explanation"]


class ClassScore(NamedTuple):
    """A class and its probability.

    Attributes:
        label: Name of the class.
        probability: Probability of the class, in [0, 1].
        class_id: Id of the class: its position in the model's output.
    """

    label: str
    probability: float
    class_id: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Explanation:
    """The class probabilities of one frame, and the saliency map of the explained class.

    A map shows where the evidence for the explained class lies *within this frame*. Each map is normalised by
    itself, so scores cannot be compared between frames, and a high score does not mean that the classifier is
    certain: that is ``probability``.

    Attributes:
        frame: H x W x 3 uint8 BGR, the explained frame. An array in this form is not copied: writing to it later
            changes the background of `overlay`, but nothing else. A frame in GPU memory stays there;
            ``numpy.asarray(result.frame)`` downloads it.
        class_id: Id of the explained class: the target, or the predicted class.
        label: Name of the explained class.
        probability: Probability of the explained class, in [0, 1].
        probabilities: C float32 probabilities of all classes, read-only.
        scores: The saliency scores; on a GPU they stay there until ``mask``, ``saliency``, ``no_signal`` or
            `overlay` needs them.
        timings: Milliseconds by stage: ``preprocess`` (checks and resizing; on a GPU, checks and the upload),
            ``inference`` (the fused graph; on a GPU, with the resizing), ``refine`` (0 without refinement) and
            ``total``. The time of a batch is divided equally among its frames.
        manifest: The manifest of the model.
        contrast: Name of the class that the explained class is explained against; None where there is none.
        index: Position of the frame in its source or its batch, from 0.
        timestamp: Seconds from the start of the source; None where the source has no clock.
        dropped: Number of frames of a live source that were dropped just before this one, to stay in time.
        gap: Seconds for which a live source was lost, and was connected again, before this frame; None where it was
            not lost.

    Examples:
        >>> result = engine.run("photo.jpg")
        >>> result.label, result.probability, result.saliency.shape
        >>> result.save("explained.png", colormap="viridis")
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
    dropped: int = 0
    gap: float | None = None
    contrast: str | None = None

    @property
    def mask(self) -> NDArray[np.float32]:
        """Scores at the model's resolution: s x s float32 in [0, 1] (S x S after ``refine``), read-only.

        ``saliency`` is the same map at the resolution of the frame.
        """
        return self.scores.mask

    @property
    def saliency(self) -> NDArray[np.float32]:
        """Scores at the frame's resolution: H x W float32 in [0, 1], read-only; computed at the first reading.

        ``mask`` is the same map at the resolution of the model.
        """
        return self.scores.saliency

    @property
    def no_signal(self) -> bool:
        """Whether the map or the frame carries no signal; the map then means nothing and is not drawn."""
        return self.scores.no_signal

    @property
    def flat(self) -> bool:
        """Deprecated name of ``no_signal``."""
        warnings.warn("Explanation.flat is deprecated; use no_signal.", DeprecationWarning, stacklevel=2)
        return self.no_signal

    @property
    def labels_above_threshold(self) -> list[ClassScore] | None:
        """The labels of a multi-label model that are present, the most probable first; empty where none is.

        A label is present where its probability is at least its threshold (``manifest.thresholds``). None for a model
        whose classes exclude each other.
        """
        if self.manifest.exclusive:
            return None
        thresholds = np.asarray(self.manifest.thresholds, np.float32)
        present = self.probabilities >= thresholds
        return [score for score in self._ranked(len(present)) if present[score.class_id]]

    def top(self, k: int | None = None) -> list[ClassScore]:
        """Return the most probable classes, or the labels of a multi-label model that are present.

        Args:
            k: Largest number of classes; None for five classes, or for all labels of a multi-label model that are
                present.

        Returns:
            At most k classes, the most probable first; each unpacks as ``label, probability, class_id``. Of a
            multi-label model only the labels above their threshold, so the list is empty where none is.
        """
        above = self.labels_above_threshold
        if above is None:
            return self._ranked(5 if k is None else k)
        return above if k is None else above[: max(k, 0)]

    def _ranked(self, k: int) -> list[ClassScore]:
        """Return the k most probable classes, the most probable first."""
        ids = np.argsort(-self.probabilities, kind="stable")[: max(k, 0)]
        return [ClassScore(self.manifest.labels[i], float(self.probabilities[i]), int(i)) for i in ids]

    def overlay(
        self, *, colormap: str = COLORMAP, opacity: float = OPACITY, caption: str | bool = True
    ) -> NDArray[np.uint8]:
        """Draw the map and a caption on a copy of the frame.

        The opacity grows with the score and with the probability of the class. No map is drawn where there is no
        signal, or where the probability is below 5 %.

        Args:
            colormap: Name of one of OpenCV's colour maps in lower case, for example ``"turbo"``, ``"viridis"`` or
                ``"inferno"``.
            opacity: Greatest opacity of the map, in [0, 1].
            caption: True for the label and the probability; False for no caption; or the text to write. Where no
                map is drawn, the caption also states the reason. A text that does not fit is cut off. For a multi-label
                model True also writes the other labels above their threshold, or that there is none.

        Returns:
            A new H x W x 3 uint8 BGR array.

        Raises:
            OptionError: A keyword has a value that is not accepted.
        """
        return draw(
            self.frame,
            self.scores,
            self.label if self.contrast is None else f"{self.label} versus {self.contrast}",
            self.probability,
            colormap=colormap,
            opacity=opacity,
            caption=caption,
            details=self._other_labels(),
        )

    def _other_labels(self) -> list[str]:
        """Return what the caption says of a multi-label model's other labels; nothing for exclusive classes."""
        above = self.labels_above_threshold
        if above is None:
            return []
        if not above:
            return ["no label is above its threshold"]
        others = [score for score in above if score.class_id != self.class_id]
        texts = [f"{score.label} {score.probability:.0%}" for score in others]
        word = "also" if len(others) < len(above) else "below its threshold; above:"
        return [f"{word} {texts[0]}", *texts[1:]] if texts else []

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        colormap: str = COLORMAP,
        opacity: float = OPACITY,
        caption: str | bool = True,
    ) -> Path:
        """Write the overlay (an image file) or the saliency (.npy, H x W float32) to a file.

        Args:
            path: The file to write; its ending chooses the format.
            colormap: As for `overlay`; not used for .npy.
            opacity: As for `overlay`; not used for .npy.
            caption: As for `overlay`; not used for .npy.

        Returns:
            The path written.

        Raises:
            OutputError: The ending is not one of these, the folder does not exist, or the file cannot be written.
            OptionError: A keyword has a value that is not accepted.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".npy":
            return atomic_write(path, _npy(self.saliency))
        if suffix not in IMAGE_SUFFIXES:
            known = ", ".join((*IMAGE_SUFFIXES, ".npy"))
            raise OutputError(
                f"{path} ends in {suffix or 'nothing'!r}; give a name that ends in one of {known}."
            )
        check_image_size(Path(path), self.frame.shape[1], self.frame.shape[0])
        image = self.overlay(colormap=colormap, opacity=opacity, caption=caption)
        return write_image(Path(path), image)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON values, as in the lines of ``whyframe run --json``.

        Returns:
            A dict with ``index`` (int), ``timestamp`` (seconds or null), ``class_id``, ``label``, ``contrast`` (name
            of the class that it is explained against, or null), ``probability``,
            ``top5`` (the up to five most probable classes, objects with ``label``, ``probability``, ``class_id``),
            ``labels_above_threshold`` (such objects for the labels of a multi-label model that are present; null where
            classes exclude each other), ``no_signal`` (bool),
            ``flat`` (deprecated: the same as ``no_signal``), ``peak`` ([x, y] of the highest saliency in pixels
            of the frame, or null where there is no signal) and ``timings`` (milliseconds by stage).
        """
        above = self.labels_above_threshold
        return {
            "index": self.index,
            "timestamp": self.timestamp,
            "class_id": self.class_id,
            "label": self.label,
            "contrast": self.contrast,
            "probability": self.probability,
            "top5": [found._asdict() for found in self._ranked(5)],
            "labels_above_threshold": None if above is None else [found._asdict() for found in above],
            "no_signal": self.no_signal,
            "flat": self.no_signal,
            "peak": None if self.no_signal else self._peak(),
            "timings": {stage: round(milliseconds, 3) for stage, milliseconds in self.timings.items()},
        }

    def _peak(self) -> list[int]:
        y, x = np.unravel_index(int(self.saliency.argmax()), self.saliency.shape)
        return [int(x), int(y)]


def _npy(array: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
