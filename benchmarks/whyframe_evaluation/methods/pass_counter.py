"""Cost of an explanation, counted in images that pass through the classifier forward and backward."""

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
    """Numbers of images that passed through a classifier.

    Attributes:
        forward: Number of images that were classified.
        backward: Number of images from whose logits a gradient (or relevance) was passed back, however far.
    """

    forward: int = 0
    backward: int = 0


@contextmanager
def count_passes(classifier: Classifier) -> Iterator[Passes]:
    """Count the passes through a classifier that are made inside the block.

    Passes through a copy of the classifier, as in a fused model file, are not counted.

    Args:
        classifier: The network whose passes are counted.

    Yields:
        The counts so far.

    Examples:
        >>> with count_passes(classifier) as passes:
        ...     method.explain(classifier, images, targets)
        >>> passes.forward / len(images)
    """
    passes = Passes()

    def count_forward(_module: nn.Module, _inputs: Any, logits: Tensor) -> None:
        passes.forward += len(logits)
        if logits.requires_grad:
            logits.register_hook(count_backward)

    def count_backward(gradient: Tensor) -> None:
        passes.backward += len(gradient)

    handle = classifier.module.register_forward_hook(count_forward)
    try:
        yield passes
    finally:
        handle.remove()
