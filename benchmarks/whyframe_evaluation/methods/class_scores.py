"""Scores of the target classes, their gradients in the images, and batches of many versions of the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from whyframe_training.classifiers.classifier import Classifier

__all__ = [
    "BATCH_SIZE",
    "batches",
    "target_gradients",
    "target_probabilities",
    "target_scores",
    "version_probabilities",
]

BATCH_SIZE = 32
"""Images per pass of the methods that classify many versions of an image."""


def target_scores(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the score of each row's target class.

    Args:
        scores: N x C scores, for example logits.
        targets: N class ids.

    Returns:
        N scores.
    """
    return scores.gather(1, targets[:, None]).squeeze(1)


def target_gradients(logits: Callable[[Tensor], Tensor], images: Tensor, targets: Tensor) -> Tensor:
    """Return the gradient of each image's target logit with respect to its pixels.

    Args:
        logits: Function from N x 3 x S x S images to N x C logits.
        images: N x 3 x S x S images, in the range that `logits` takes.
        targets: N class ids.

    Returns:
        N x 3 x S x S gradients.
    """
    leaf = images.detach().requires_grad_()
    # The logits of an image depend on that image alone, so the gradient of the sum holds the gradient of each.
    return torch.autograd.grad(target_scores(logits(leaf), targets).sum(), leaf)[0]


def target_probabilities(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    """Return the probability of each image's target class, without recording gradients.

    Args:
        classifier: The network that classifies the images.
        images: N x 3 x S x S RGB images in [0, 1].
        targets: N class ids.

    Returns:
        N probabilities.
    """
    with torch.no_grad():
        return target_scores(classifier.probabilities(images), targets)


def version_probabilities(classifier: Classifier, versions: Tensor, targets: Tensor) -> Tensor:
    """Return the target probabilities of K versions of each of N images, without recording gradients.

    Args:
        classifier: The network that classifies the versions.
        versions: K x N x 3 x S x S RGB images in [0, 1].
        targets: N class ids.

    Returns:
        K x N probabilities.
    """
    probabilities = target_probabilities(classifier, versions.flatten(0, 1), targets.repeat(len(versions)))
    return probabilities.view(len(versions), -1)


def batches(versions: int, images: int, size: int = BATCH_SIZE) -> Iterator[range]:
    """Split the versions of some images into batches.

    Args:
        versions: Number of versions of each image.
        images: Number of images; a batch holds the same versions of every image.
        size: Largest number of images in a batch. A batch holds at least one version, even if that is more.

    Yields:
        The indices of the versions in each batch.
    """
    step = max(1, size // images)
    for start in range(0, versions, step):
        yield range(start, min(start + step, versions))
