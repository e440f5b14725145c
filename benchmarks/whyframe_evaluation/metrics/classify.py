"""A torch classifier seen as what the metrics of frames call."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from whyframe.perturb import Classify
from whyframe_training.faithfulness import Logits

__all__ = ["as_classify"]


def as_classify(logits: Logits, device: torch.device | str = "cpu", batch: int = 32) -> Classify:
    """N x S x S x 3 uint8 RGB frames to N x C float64 probabilities.

    Args:
        logits: N x 3 x S x S images in [0, 1] to N x C, such as `Classifier.logits`.
        device: the classifier's.
        batch: frames a call, so that a long curve does not fill the memory.
    """

    @torch.no_grad()
    def classify(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        stack = torch.from_numpy(np.ascontiguousarray(frames))
        seen = [logits(_images(part, device)).double().softmax(dim=1).cpu() for part in stack.split(batch)]
        return torch.cat(seen).numpy()

    return classify


def _images(frames: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    return frames.to(device).permute(0, 3, 1, 2).float().div(255)
