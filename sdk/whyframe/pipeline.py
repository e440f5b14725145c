"""From frames to what is known of them: the way through a backend, on the host or on a device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whyframe.errors import FrameTypeError
from whyframe.perturb import upsample
from whyframe.preprocess import as_bgr, to_input
from whyframe.refine import refine_mask
from whyframe.scores import HostScores, Scores, is_flat

if TYPE_CHECKING:
    from whyframe.backends.base import Backend
    from whyframe.manifest import Manifest

__all__ = ["FrameOutput", "HostPipeline", "Pipeline", "timings_of"]

STAGES = ("preprocess", "inference", "refine")


@dataclass(frozen=True, eq=False)
class FrameOutput:
    """What one frame gave.

    Attributes:
        frame: H x W x 3 uint8 BGR, or the frame on its device.
        probabilities: C float32.
        class_id: The class explained.
        scores: Its map.
        timings: Milliseconds by stage.
    """

    frame: Any
    probabilities: NDArray[np.float32]
    class_id: int
    scores: Scores
    timings: Mapping[str, float]


class Pipeline(ABC):
    """One way from frames to looks, for one thread."""

    @abstractmethod
    def explain(
        self, frames: Sequence[Any], targets: NDArray[np.int64], refine: int, color: str
    ) -> list[FrameOutput]:
        """Explains N frames; see `ExplainEngine.run`.

        Args:
            frames: N frames.
            targets: N class ids; -1 for the predicted class.
            refine: Steps of post-hoc tuning.
            color: Order of the channels of array frames.
        """

    @abstractmethod
    def prefetch(self, frame: Any, color: str) -> None:
        """Starts moving a frame to the device, so that it is there when it is explained next."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of the device's memory."""


class HostPipeline(Pipeline):
    """Resizing on the host, then the backend, all frames in one call.

    Args:
        backend: Takes host arrays.
        manifest: The model's.
    """

    def __init__(self, backend: Backend, manifest: Manifest) -> None:
        self._backend, self._manifest = backend, manifest

    def explain(
        self, frames: Sequence[Any], targets: NDArray[np.int64], refine: int, color: str
    ) -> list[FrameOutput]:
        """See `Pipeline.explain`."""
        marks = [perf_counter()]
        side, resize = self._manifest.side, self._manifest.resize
        images = [as_bgr(_on_host(frame), color) for frame in frames]
        inputs = np.stack([to_input(image, side, resize) for image in images])
        marks.append(perf_counter())
        probabilities, class_ids, masks = self._backend.explain(inputs, targets)
        flats = [is_flat(mask, seen) for mask, seen in zip(masks, inputs, strict=True)]
        marks.append(perf_counter())
        if refine:
            rows = zip(inputs, probabilities, class_ids, masks, flats, strict=True)
            masks = np.stack([self._refine(*row, refine) for row in rows])
        marks.append(perf_counter())
        probabilities.flags.writeable = False
        timings = timings_of(marks, len(images))
        rows = zip(images, probabilities, class_ids, masks, flats, strict=True)
        return [
            FrameOutput(image, p, int(c), HostScores(mask, flat), timings) for image, p, c, mask, flat in rows
        ]

    def prefetch(self, frame: Any, color: str) -> None:
        """See `Pipeline.prefetch`: does nothing."""

    def close(self) -> None:
        """See `Pipeline.close`: there is nothing of its own."""

    def _refine(
        self,
        seen: NDArray[np.uint8],
        probabilities: NDArray[np.float32],
        class_id: int,
        mask: NDArray[np.float32],
        flat: bool,
        steps: int,
    ) -> NDArray[np.float32]:
        if flat:  # its ranking means nothing: tuning would make a finding of it
            return upsample(mask, self._manifest.side)
        return refine_mask(self._backend.classify, seen, mask, class_id, probabilities[class_id], steps)


def timings_of(marks: Sequence[float], frames: int = 1) -> dict[str, float]:
    """Milliseconds a frame of each stage between the marks (seconds), and in total."""
    spent = {stage: (b - a) * 1e3 / frames for stage, a, b in zip(STAGES, marks, marks[1:], strict=False)}
    return {**spent, "total": (marks[-1] - marks[0]) * 1e3 / frames}


def _on_host(frame: Any) -> Any:
    if hasattr(frame, "__cuda_array_interface__"):
        raise FrameTypeError(
            "the frame lies on a GPU and this backend reads host memory; "
            "use backend='tensorrt', or copy it to the host first."
        )
    return frame
