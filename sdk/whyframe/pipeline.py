"""Preprocessing, inference and refinement of frames on a backend: the interface and its results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.image_options import ImageOptions
from whyframe.scores import Scores

__all__ = ["FrameOutput", "Pipeline", "timings_of"]

STAGES = ("preprocess", "inference", "refine")


@dataclass(frozen=True, eq=False)
class FrameOutput:
    """Outputs of the model for one frame.

    Attributes:
        frame: H x W x 3 uint8 BGR, or the frame on its device.
        probabilities: C float32 class probabilities, read-only.
        class_id: Id of the explained class.
        scores: The saliency scores.
        timings: Milliseconds by stage.
    """

    frame: Any
    probabilities: NDArray[np.float32]
    class_id: int
    scores: Scores
    timings: Mapping[str, float]


class Pipeline(ABC):
    """Preprocessing, inference and refinement of frames on one backend, for one thread.

    Attributes:
        image_options: How image files, Pillow images and frames with alpha are read.
    """

    image_options = ImageOptions()

    @abstractmethod
    def explain(
        self, frames: Sequence[Any], targets: NDArray[np.int64], refine: int, color: str
    ) -> list[FrameOutput]:
        """Explain N frames; see `ExplainEngine.run`.

        Args:
            frames: N frames, of any sizes.
            targets: N int64 class ids; -1 for the predicted class.
            refine: Steps of post-hoc refinement; 0 for none.
            color: Channel order of array frames, ``"bgr"`` or ``"rgb"``.

        Returns:
            N outputs, in the order of the frames.
        """

    @abstractmethod
    def prefetch(self, frame: Any, color: str) -> None:
        """Start to copy a frame to the device, for the `explain` that follows with the same object."""

    @abstractmethod
    def close(self) -> None:
        """Free what the pipeline holds; results stay valid."""


def timings_of(marks: Sequence[float], frames: int = 1) -> dict[str, float]:
    """Return the duration of each stage for one frame, and the total.

    Args:
        marks: Times in seconds: the start, then the end of each stage.
        frames: Number of frames that the stages handled together; each gets an equal share.

    Returns:
        Milliseconds by stage, and ``total``.
    """
    spent = {stage: (b - a) * 1e3 / frames for stage, a, b in zip(STAGES, marks, marks[1:], strict=False)}
    return {**spent, "total": (marks[-1] - marks[0]) * 1e3 / frames}
