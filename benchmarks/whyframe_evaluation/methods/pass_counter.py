"""What an explanation costs, in the pictures that went through the classifier and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from whyframe_training.classifiers.classifier import Classifier

__all__ = ["Passes", "count_passes"]


@dataclass
class Passes:
    """Pictures that went through a classifier; divided by the pictures explained, the cost of one.

    Attributes:
        forward: pictures classified, whole or from the pixels.
        backward: pictures whose logits gradients (or relevance) were sent back from, however far.
    """

    forward: int = 0
    backward: int = 0


@contextmanager
def count_passes(classifier: Classifier) -> Iterator[Passes]:
    """Counts the passes that are really made inside the block.

    A fused model that holds a copy of the classifier (the shipped predictor's file) is not seen.

    Example:
        >>> with count_passes(classifier) as passes:
        ...     method.explain(classifier, images, targets)
        >>> passes.forward / len(images)
    """
    passes = Passes()

    def forward(_module: nn.Module, _inputs: Any, logits: Tensor) -> None:
        passes.forward += len(logits)
        if logits.requires_grad:
            logits.register_hook(backward)

    def backward(slopes: Tensor) -> None:
        passes.backward += len(slopes)

    handle = classifier.module.register_forward_hook(forward)
    try:
        yield passes
    finally:
        handle.remove()
