"""What every runtime of a fused model offers, and the batching that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.manifest import Manifest
from whyframe.pipeline import Pipeline

__all__ = ["CLASSIFIER", "INPUTS", "OUTPUTS", "Backend", "Outputs"]

INPUTS = ("frames", "target")
OUTPUTS = ("probabilities", "class_id", "saliency")
CLASSIFIER = OUTPUTS[:1]
"""What the classifier alone gives."""

Outputs = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]
"""probabilities N x C, class_id N, saliency N x s x s."""


class Backend(ABC):
    """A fused model, loaded.

    Attributes:
        name: The runtime, for example ``"onnxruntime"``.
        device: Where it computes, ``"cpu"`` or ``"cuda:N"``.
        reason: Why this runtime: one clause for people.
        side: S, as the graph says it.
        batch: The graph's fixed batch size, or None where it is dynamic.
    """

    name: str
    device: str
    reason: str
    side: int
    batch: int | None

    def explain(self, frames: NDArray[np.uint8], targets: NDArray[np.int64]) -> Outputs:
        """Classifies and explains N frames.

        Args:
            frames: N x S x S x 3 uint8 RGB; any N of at least 1, whatever the graph's batch.
            targets: N int64 class ids; -1 for the predicted class.

        Returns:
            Fresh arrays (probabilities N x C float32, class_id N int64, saliency N x s x s float32).

        Raises:
            ModelError: The runtime failed.
        """
        probabilities, class_id, saliency = self._run_batches(OUTPUTS, frames, targets)
        return probabilities, class_id, saliency

    def classify(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities alone, N x C float32: only the classifier's part of the graph is executed.

        Args:
            frames: N x S x S x 3 uint8 RGB.

        Raises:
            ModelError: The runtime failed.
        """
        targets = np.full(len(frames), -1, np.int64)
        return self._run_batches(CLASSIFIER, frames, targets)[0]

    def _run_batches(
        self, outputs: tuple[str, ...], frames: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        """Runs a graph of fixed batch as often as N frames need, the last time padded with the last frame."""
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
        """Executes the fused graph (`OUTPUTS`) or the classifier (`CLASSIFIER`) on a batch of its size."""

    @abstractmethod
    def clone(self) -> Backend:
        """Another backend for another thread; the weights are shared."""

    def workers(self) -> list[Backend]:
        """Backends that, each in a thread of its own, together carry the most frames."""
        return [self.clone()]

    @abstractmethod
    def pipeline(self, manifest: Manifest) -> Pipeline:
        """Return a pipeline that takes frames of any size through this backend, for one thread.

        Args:
            manifest: The manifest of the loaded model.
        """

    @abstractmethod
    def close(self) -> None:
        """Lets go of the model. Clones live on."""
