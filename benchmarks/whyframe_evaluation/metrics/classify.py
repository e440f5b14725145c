"""Adapter from a torch classifier to the function of uint8 frames that the metrics call."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from whyframe.perturb import Classify
from whyframe_training.preserving_curve import Probabilities

__all__ = ["as_classify"]


def as_classify(
    probabilities: Probabilities, device: torch.device | str = "cpu", batch: int = 32
) -> Classify:
    """Return the classifier as a function from frames to probabilities.

    Args:
        probabilities: Function from N x 3 x S x S images in [0, 1] to N x C probabilities, such as
            `Classifier.probabilities`.
        device: Device of the classifier.
        batch: Largest number of frames in one call of the classifier, which bounds the memory.

    Returns:
        Function from N x S x S x 3 uint8 RGB frames to N x C float64 probabilities.
    """

    @torch.no_grad()
    def classify(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        parts = torch.from_numpy(np.ascontiguousarray(frames)).split(batch)
        found = [probabilities(_to_images(part, device)).double().cpu() for part in parts]
        return torch.cat(found).numpy()

    return classify


def _to_images(frames: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    return frames.to(device).permute(0, 3, 1, 2).float().div(255)
