"""Interface of the backends, and the batching that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.manifest import Manifest
from whyframe.output_check import check_outputs
from whyframe.pipeline import Pipeline

__all__ = ["CLASSIFIER", "INPUTS", "OUTPUTS", "Backend", "Outputs"]

INPUTS = ("frames", "target")
OUTPUTS = ("probabilities", "class_id", "saliency")
CLASSIFIER = OUTPUTS[:1]
"""Outputs of the classifier without the explainer."""

Outputs = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]
"""Probabilities N x C float32, class ids N int64 and saliency N x h x w float32."""


class Backend(ABC):
    """A fused model that is loaded in a runtime.

    Attributes:
        name: Name of the backend, for example ``"onnxruntime"``.
        device: Device of the computation, ``"cpu"`` or ``"cuda:N"``.
        reason: Why this backend was chosen, as a clause for people to read.
        input_shape: Height H, width W and number of channels C of the graph's input.
        batch: Fixed batch size of the graph; None where it is dynamic.
    """

    name: str
    device: str
    reason: str
    input_shape: tuple[int, int, int]
    batch: int | None

    def explain(self, frames: NDArray[np.uint8], targets: NDArray[np.int64]) -> Outputs:
        """Classify and explain N frames.

        Args:
            frames: N x H x W x C uint8 frames, RGB, RGBA or grey; N is at least 1 and need not be the graph's batch
                size.
            targets: N int64 class ids; -1 for the predicted class.

        Returns:
            New arrays of probabilities (N x C float32), explained class ids (N int64) and saliency (N x h x w float32).

        Raises:
            ModelError: The runtime failed, or an output breaks the graph contract; see `check_outputs`.
        """
        probabilities, class_id, saliency = self._run_batches(OUTPUTS, frames, targets)
        check_outputs(probabilities, class_id, saliency, len(frames))
        return probabilities, class_id, saliency

    def classify(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify N frames; only the classifier's part of the graph is executed.

        Args:
            frames: N x H x W x C uint8 frames, RGB, RGBA or grey.

        Returns:
            N x C float32 probabilities.

        Raises:
            ModelError: The runtime failed.
        """
        targets = np.full(len(frames), -1, np.int64)
        return self._run_batches(CLASSIFIER, frames, targets)[0]

    def _run_batches(
        self, outputs: tuple[str, ...], frames: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        """Run a graph of fixed batch size as often as N frames need; the last batch is padded with the last frame."""
        if self.batch is None or self.batch == len(frames):
            return self._run(outputs, frames, targets)
        runs = []
        for start in range(0, len(frames), self.batch):
            rows = np.minimum(np.arange(start, start + self.batch), len(frames) - 1)
            runs.append(self._run(outputs, frames[rows], targets[rows]))
        return [np.concatenate(parts)[: len(frames)] for parts in zip(*runs, strict=True)]

    @abstractmethod
    def _run(
        self, outputs: tuple[str, ...], frames: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        """Execute the fused graph or the classifier on one batch.

        Args:
            outputs: `OUTPUTS` for the fused graph, `CLASSIFIER` for the classifier alone.
            frames: N x H x W x C uint8 frames, RGB, RGBA or grey; N is the graph's batch size where that is fixed.
            targets: N int64 class ids.

        Returns:
            An array for each output.
        """

    @abstractmethod
    def clone(self) -> Backend:
        """Return a backend for another thread that shares the weights of this one."""

    def workers(self) -> list[Backend]:
        """Return the backends that give the highest throughput, each in its own thread."""
        return [self.clone()]

    @abstractmethod
    def pipeline(self, manifest: Manifest) -> Pipeline:
        """Return a pipeline that takes frames of any size through this backend, for one thread.

        Args:
            manifest: The manifest of the loaded model.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the model. Clones stay valid."""
