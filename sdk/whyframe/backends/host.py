"""Frames in host memory: resizing with OpenCV, then a backend that takes numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.alpha import compose
from whyframe.backends.base import Backend
from whyframe.errors import FrameTypeError
from whyframe.manifest import Manifest
from whyframe.perturb import upsample
from whyframe.pipeline import FrameOutput, Pipeline, timings_of
from whyframe.preprocess import as_image, to_input
from whyframe.refine import refine_mask
from whyframe.scores import HostScores, has_no_signal

__all__ = ["HostPipeline"]


class HostPipeline(Pipeline):
    """Resizing on the host, then one call of the backend for all frames.

    Args:
        backend: A backend that takes host arrays.
        manifest: The manifest of the backend's model.
    """

    def __init__(self, backend: Backend, manifest: Manifest) -> None:
        self._backend, self._manifest = backend, manifest

    def explain(
        self, frames: Sequence[Any], targets: NDArray[np.int64], refine: int, color: str
    ) -> list[FrameOutput]:
        """See `Pipeline.explain`."""
        marks = [perf_counter()]
        spec = self._manifest.input
        images = [as_image(_on_host(frame), color, spec.channels, self.image_options) for frame in frames]
        inputs = np.stack([to_input(image, spec) for image in images])
        marks.append(perf_counter())
        probabilities, class_ids, masks = self._backend.explain(inputs, targets)
        without_signal = [has_no_signal(*pair) for pair in zip(masks, inputs, strict=True)]
        marks.append(perf_counter())
        if refine:
            rows = zip(inputs, probabilities, class_ids, masks, without_signal, strict=True)
            masks = np.stack([self._refine(*row, refine) for row in rows])
        marks.append(perf_counter())
        probabilities.flags.writeable = False
        timings = timings_of(marks, len(images))
        scores = [
            HostScores(mask, no_signal, image.shape[:2], spec)
            for mask, no_signal, image in zip(masks, without_signal, images, strict=True)
        ]
        shown = [image if image.shape[2] == 3 else compose(image, self.image_options) for image in images]
        outputs = zip(shown, probabilities, class_ids.tolist(), scores, strict=True)
        return [FrameOutput(*output, timings) for output in outputs]

    def prefetch(self, frame: Any, color: str) -> None:
        """Do nothing: the frame is in host memory already."""

    def close(self) -> None:
        """Do nothing: the pipeline owns no resources."""

    def _refine(
        self,
        frame: NDArray[np.uint8],
        probabilities: NDArray[np.float32],
        class_id: int,
        mask: NDArray[np.float32],
        no_signal: bool,
        steps: int,
    ) -> NDArray[np.float32]:
        if no_signal:  # the ranking of its pixels is noise, which refinement would turn into a visible map
            return upsample(mask, *self._manifest.input.shape[:2])
        return refine_mask(self._backend.classify, frame, mask, class_id, probabilities[class_id], steps)


def _on_host(frame: Any) -> Any:
    if hasattr(frame, "__cuda_array_interface__"):
        raise FrameTypeError(
            "the frame is in GPU memory and this backend reads host memory; "
            "use backend='tensorrt', or copy the frame to the host first."
        )
    return frame
