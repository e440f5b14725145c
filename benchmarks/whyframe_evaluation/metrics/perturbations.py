"""Perturbations that delete pixels, and the normalised score.

Fong and Vedaldi 2017, sections 4.1 and 5.2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from whyframe.perturb import MINIMUM_DROP, Classify, blur

__all__ = ["PERTURBATIONS", "Frame", "edit", "normalised_score", "reference_scores"]

Frame = NDArray[np.uint8]
"""H x W x 3 uint8 RGB."""

NOISE_SIGMA = 51.0
"""Standard deviation of the noise, in grey levels: a fifth of the range."""

NOISE_SEED = 0


def constant(frame: Frame) -> Frame:
    """Return a frame of the mean colour (mu_0)."""
    mean = np.rint(frame.mean(axis=(0, 1))).astype(np.uint8)
    return np.broadcast_to(mean, frame.shape).copy()


def noise(frame: Frame) -> Frame:
    """Return independent Gaussian noise around the mean colour (eta), the same in every call."""
    generator = np.random.default_rng(NOISE_SEED)
    drawn = generator.normal(frame.mean(axis=(0, 1)), NOISE_SIGMA, frame.shape)
    return np.rint(drawn.clip(0, 255)).astype(np.uint8)


PERTURBATIONS: dict[str, Callable[[Frame], Frame]] = {
    "constant": constant,
    "noise": noise,
    "blur": blur,
}
"""Background of the deleted pixels, by name: a function of the H x W x 3 uint8 frame."""


def edit(frame: Frame, background: Frame, deleted: NDArray[np.bool_]) -> Frame:
    """Replace deleted pixels by the background (Fu et al. 2022, Eq. 1, with a binary mask).

    Args:
        frame: H x W x 3 uint8.
        background: H x W x 3 uint8.
        deleted: ... x H x W bool; true where the background replaces the frame.

    Returns:
        ... x H x W x 3 uint8.
    """
    return np.where(deleted[..., None], background, frame)


def reference_scores(classify: Classify, frame: Frame, target: int) -> tuple[float, float]:
    """Return the class's probabilities p_0 in the frame and p_b in the blurred frame.

    Args:
        classify: Function from N x S x S x 3 uint8 frames to N x C class probabilities; called once.
        frame: S x S x 3 uint8.
        target: Class id.
    """
    clean, blurred = classify(np.stack([frame, blur(frame)]))[:, target]
    return float(clean), float(blurred)


def normalised_score(p: NDArray[np.floating] | float, clean: float, blurred: float) -> NDArray[np.float64]:
    """Return the normalised score ``p' = (p - p_b) / (p_0 - p_b)`` (Fong and Vedaldi 2017, footnote 4, corrected).

    1 is the probability of the frame, and 0 that of the blurred frame. Lower is better for a deletion.

    Args:
        p: Probabilities of edited frames, any shape.
        clean: p_0, the probability of the frame.
        blurred: p_b, the probability of the blurred frame.

    Returns:
        float64, of the shape of ``p``. NaN where ``p_0 - p_b`` is at most `whyframe.perturb.MINIMUM_DROP`.
    """
    drop = clean - blurred
    values = np.asarray(p, np.float64)
    return (values - blurred) / drop if drop > MINIMUM_DROP else np.full_like(values, np.nan)
