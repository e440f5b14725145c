"""What methods share: a class's score, its gradient, and many versions of a few pictures in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from whyframe_training.classifiers.classifier import Classifier

__all__ = ["BATCH", "gradient", "of_target", "probability", "shares"]

BATCH = 32
"""Pictures in one pass of the methods that take many: enough to fill a device, little to hold."""


def of_target(scores: Tensor, targets: Tensor) -> Tensor:
    """N x classes scores and N classes to the N scores of those classes."""
    return scores.gather(1, targets[:, None]).squeeze(1)


def gradient(logits: Callable[[Tensor], Tensor], images: Tensor, targets: Tensor) -> Tensor:
    """The gradient of each picture's target logit in its own pixels, shaped as `images`."""
    leaf = images.detach().requires_grad_()
    # A picture's logit depends on that picture alone: the gradient of the sum is each one's own.
    return torch.autograd.grad(of_target(logits(leaf), targets).sum(), leaf)[0]


def probability(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    """N x 3 x S x S pictures in [0, 1] to the N softmax probabilities of their targets; records no gradient."""
    with torch.no_grad():
        return of_target(classifier.logits(images).softmax(dim=1), targets)


def shares(count: int, pictures: int, batch: int = BATCH) -> Iterator[range]:
    """Splits `count` versions of each of some pictures: as many at a time as fill a batch, at least one."""
    step = max(1, batch // pictures)
    for start in range(0, count, step):
        yield range(start, min(start + step, count))
