"""The second paper's three ways to delete (section 4.1), on frames, and its normalised score (section 5.3)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import MINIMUM_DROP, Classify, blur

__all__ = ["PERTURBATIONS", "Frame", "edit", "normalised_score", "reference_scores"]

Frame = NDArray[np.uint8]

NOISE_SIGMA = 51.0
"""Standard deviation of the noise, in grey levels: a fifth of the range."""


def constant(frame: Frame, seed: int = 0) -> Frame:  # noqa: ARG001 - one signature for the three
    """The frame's mean colour everywhere (mu_0)."""
    mean = np.rint(frame.mean(axis=(0, 1))).astype(np.uint8)
    return np.broadcast_to(mean, frame.shape).copy()


def noise(frame: Frame, seed: int = 0) -> Frame:
    """Independent Gaussian noise around the mean colour (eta)."""
    drawn = np.random.default_rng(seed).normal(frame.mean(axis=(0, 1)), NOISE_SIGMA, frame.shape)
    return np.rint(drawn.clip(0, 255)).astype(np.uint8)


def blurred(frame: Frame, seed: int = 0) -> Frame:  # noqa: ARG001
    """The frame blurred with sigma_0 = 10 pixels."""
    return blur(frame)


PERTURBATIONS: dict[str, Callable[[Frame, int], Frame]] = {
    "constant": constant,
    "noise": noise,
    "blur": blurred,
}
"""By name: what stands where a pixel of an H x W x 3 uint8 frame is deleted, given the frame and a seed."""


def edit(frame: Frame, background: Frame, deleted: NDArray[np.bool_]) -> Frame:
    """Eq. 1 with a binary mask.

    Args:
        frame: H x W x 3 uint8.
        background: H x W x 3 uint8, seen where a pixel is deleted.
        deleted: ... x H x W.

    Returns:
        ... x H x W x 3 uint8.
    """
    return np.where(deleted[..., None], background, frame)


def reference_scores(classify: Classify, frame: Frame, target: int) -> tuple[float, float]:
    """The probabilities p_0 of the frame and p_b of the fully blurred one."""
    clean, fully = classify(np.stack([frame, blur(frame)]))[:, target]
    return float(clean), float(fully)


def normalised_score(p: NDArray[np.floating] | float, clean: float, fully: float) -> NDArray[np.float64]:
    """``(p - p_b) / (p_0 - p_b)``: 1 is the frame's own probability, 0 that of the blurred one.

    Args:
        p: probabilities of edited frames, any shape.
        clean: p_0.
        fully: p_b.
    """
    gain = clean - fully
    values = np.asarray(p, np.float64)
    return (values - fully) / gain if gain > MINIMUM_DROP else np.full_like(values, np.nan)
