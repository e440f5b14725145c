"""Perturbation by hard masks (Fu et al. 2022, Eq. 1), the preserving curve and the faithfulness, in numpy.

All functions work at the resolution of the model: frames are H x W x C uint8, as the graph takes them.
`whyframe_training.perturb` is the differentiable version in torch; a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MINIMUM_DROP",
    "blur",
    "blur_matrix",
    "faithfulness",
    "gaussian_kernel",
    "preserve",
    "preserving_curve",
    "rank_pixels",
    "upsample",
]

BLUR_SIGMA = 10.0
"""Standard deviation of the evaluation's blur, in pixels of the H x W frame."""

TIE_WEIGHT = 1e-6
"""Weight of the smoothed mask that ranks pixels of equal score (Fu et al. 2022, section 4.2)."""

MINIMUM_DROP = 0.1
"""Smallest drop of the class probability, from the frame to its blurred copy, that a score is normalised by.

A smaller drop is noise: the scores of such a frame are NaN, and averages leave it out.
"""

Classify = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
"""Function from N x H x W x C uint8 frames to N x C class probabilities."""


@lru_cache(maxsize=8)
def gaussian_kernel(sigma: float = BLUR_SIGMA) -> NDArray[np.float64]:
    """Return the weights of a Gaussian at the 2 ceil(3 sigma) + 1 integer offsets around 0; they sum to 1.

    Args:
        sigma: Standard deviation, in samples.
    """
    radius = math.ceil(3 * sigma)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return weights / weights.sum()


def blur_matrix(size: int, sigma: float = BLUR_SIGMA) -> NDArray[np.float64]:
    """Return the blur along one axis as a matrix B; a square plane X is blurred as B X B^T.

    This is the blur of `blur` in the form that is fastest on a GPU. The border mirrors the samples without repeating
    the edge sample (reflect-101), several times where the axis is shorter than the kernel.

    Args:
        size: Number of samples along the axis.
        sigma: Standard deviation, in samples.

    Returns:
        A size x size float64 matrix; each row sums to 1.
    """
    kernel = gaussian_kernel(sigma)
    rows = np.arange(size)[:, None]
    columns = _reflect(rows + np.arange(kernel.size) - kernel.size // 2, size)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (rows, columns), kernel)
    return matrix


def _reflect(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Map indices outside ``range(size)`` into it by mirroring at the first and the last sample."""
    period = max(2 * (size - 1), 1)
    folded = np.abs(index) % period
    return np.minimum(folded, period - folded)


def blur(frame: NDArray[np.uint8], sigma: float = BLUR_SIGMA) -> NDArray[np.uint8]:
    """Return the blurred frame A of Eq. 1.

    Args:
        frame: H x W x 3 uint8 frame.
        sigma: Standard deviation, in pixels.

    Returns:
        H x W x 3 uint8 frame, rounded to nearest.
    """
    return np.rint(_smooth(frame, sigma)).astype(np.uint8)


def _smooth(values: NDArray[Any], sigma: float = BLUR_SIGMA) -> NDArray[np.float32]:
    kernel = gaussian_kernel(sigma)
    smoothed = cv2.sepFilter2D(values, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
    # OpenCV drops the axis of a single channel.
    return smoothed.reshape(values.shape)  # type: ignore[return-value]


def upsample(mask: NDArray[np.floating], height: int, width: int) -> NDArray[np.float32]:
    """Resize an h x w mask to height x width float32 scores: bilinear, with half-pixel centres."""
    scores = np.asarray(mask, np.float32)
    return cv2.resize(scores, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def rank_pixels(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the pixels in order of descending score.

    Pixels of equal score (mostly the zeros of the BT controller) are ordered by the scores around them: a smoothed
    mask is added with a weight that is too small to change other ranks (Fu et al. 2022, section 4.2). Pixels that
    are still equal stay in reading order.

    Args:
        scores: H x W scores.

    Returns:
        H*W int64 flat indices, the highest score first.
    """
    keys = scores.astype(np.float64) + TIE_WEIGHT * _smooth(scores.astype(np.float32))
    return np.argsort(-keys.ravel(), kind="stable")


def preserve(
    frame: NDArray[np.uint8],
    blurred: NDArray[np.uint8],
    order: NDArray[np.int64],
    counts: Sequence[int] | NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Return copies of a frame that keep the first pixels in an order and are blurred elsewhere.

    This is Eq. 1 (Fu et al. 2022) with hard masks.

    Args:
        frame: H x W x C uint8, the frame I.
        blurred: H x W x C uint8, the background A.
        order: H*W flat pixel indices, the most important first.
        counts: N numbers of pixels to keep, one for each copy.

    Returns:
        N x H x W x C uint8 frames.
    """
    position = np.empty(order.size, np.int64)
    position[order] = np.arange(order.size)
    frames = np.empty((len(counts), *frame.shape), np.uint8)
    frames[:] = blurred
    for perturbed, count in zip(frames, counts, strict=True):
        cv2.copyTo(frame, (position < count).view(np.uint8).reshape(frame.shape[:2]), perturbed)
    return frames


def preserving_curve(
    classify: Classify,
    frame: NDArray[np.uint8],
    saliency: NDArray[np.floating],
    target: int,
    steps: int = 32,
) -> NDArray[np.float64]:
    """Return the probability of a class as more and more ranked pixels are added to the blurred frame.

    Args:
        classify: Function that returns the class probabilities of a batch of frames; called once.
        frame: H x W x C uint8, in the channel order of the classifier.
        saliency: H x W scores of the frame's pixels.
        target: Id of the class.
        steps: Number of equal steps from no pixel to all pixels.

    Returns:
        steps + 1 float64 probabilities, from q_F (all pixels blurred) to q_O (the frame itself).
    """
    pixels = saliency.size
    counts = np.rint(np.arange(steps + 1) * pixels / steps).astype(np.int64)
    frames = preserve(frame, blur(frame), rank_pixels(saliency), counts)
    return np.asarray(classify(frames)[:, target], np.float64)


def faithfulness(curve: ArrayLike) -> float:
    """Return the faithfulness M_F of a preserving curve (Fu et al. 2022, Eq. 9).

    ``M_F = 100 * mean over i = 1..n of (q_i - q_F) / (q_O - q_F)``. Higher is better: 100 means that the first step
    already restores the probability. Above 100, a part of the frame gives a higher probability than the frame.

    Args:
        curve: The n + 1 probabilities q_F, ..., q_O, as `preserving_curve` returns them.

    Returns:
        M_F in percent. NaN where ``q_O - q_F`` is at most `MINIMUM_DROP`.
    """
    q = np.asarray(curve, np.float64)
    drop = float(q[-1] - q[0])
    return float(100 * np.mean(q[1:] - q[0]) / drop) if drop > MINIMUM_DROP else math.nan
