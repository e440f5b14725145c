"""Rotation invariance of a classifier: a rule about a black box, and its error (Fong and Vedaldi 2017, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from whyframe.perturb import Classify
from whyframe_evaluation.metrics.perturbations import Frame

__all__ = ["invariance_error", "most_informative", "rotate", "rotation_errors"]

Transform = Callable[[Frame, np.random.Generator], Frame]
"""Function that draws a frame x' related to the frame x."""

SEED = 0
"""Seed of the random transforms."""


def invariance_error(classify: Classify, frames: Sequence[Frame], transform: Transform, draws: int) -> float:
    """Return the error L_2 of the rule Q_2, "if x' is related to x, then f(x) = f(x')".

    ``L_2 = E[1 - Q_2(x, x') | x' related to x]``, the share of drawn pairs whose most probable classes differ. Lower
    means a more invariant classifier.

    Args:
        classify: Function from N x S x S x 3 uint8 frames to N x C class probabilities; called once per frame.
        frames: Frames x, S x S x 3 uint8 each.
        transform: Function that draws x' given x.
        draws: Number of x' for each x.

    Returns:
        Error in [0, 1]; NaN where there are no frames.
    """
    generator = np.random.default_rng(SEED)
    changed = []
    for frame in frames:
        related = [transform(frame, generator) for _ in range(draws)]
        own, *others = classify(np.stack([frame, *related])).argmax(axis=1)
        changed += [other != own for other in others]
    return float(np.mean(changed)) if changed else float("nan")


def rotate(frame: Frame, degrees: float) -> Frame:
    """Rotate a frame counter-clockwise about its centre: bilinear, mirrored at the border.

    Args:
        frame: H x W x 3 uint8.
        degrees: Angle.

    Returns:
        H x W x 3 uint8.
    """
    height, width = frame.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    rotated = cv2.warpAffine(
        frame, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(rotated, np.uint8).reshape(frame.shape)  # OpenCV drops the axis of a single channel


def rotation_errors(
    classify: Classify, frames: Sequence[Frame], angles: Sequence[float], draws: int
) -> dict[float, float]:
    """Return the error of the rule Q_3, "invariant to rotations of at most theta", for each theta.

    The rotations are drawn uniformly from [-theta, theta]. The same random numbers are used
    for each theta, so that the errors do not differ by chance.

    Args:
        classify: Function from N x S x S x 3 uint8 frames to N x C class probabilities.
        frames: S x S x 3 uint8 each.
        angles: Values of theta, in degrees.
        draws: Number of rotations of each frame.

    Returns:
        Error in [0, 1] by theta, as `invariance_error` defines it.
    """
    return {
        theta: invariance_error(classify, frames, _random_rotation(theta), draws)
        for theta in map(float, angles)
    }


def _random_rotation(theta: float) -> Transform:
    return lambda frame, generator: rotate(frame, theta * generator.uniform(-1, 1))


def most_informative(errors: Mapping[float, float], weight: float) -> float:
    """Return the theta of the most informative accurate rule (Fong and Vedaldi 2017, Eq. 1 with ``R(Q_3) = -theta``).

    ``argmin over theta of error(theta) - weight * theta``.

    Args:
        errors: Error in [0, 1] by theta, as `rotation_errors` returns it.
        weight: Regularisation weight lambda: the increase of the error that is accepted for an additional degree.

    Returns:
        theta in degrees; the first of equally good angles.
    """
    return min(errors, key=lambda theta: errors[theta] - weight * theta)
