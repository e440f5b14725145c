"""Explanations as meta-predictors (second paper, 3.1): a rule about a black box, and its measured error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from whyframe.perturb import Classify
from whyframe_evaluation.metrics.perturbations import Frame

__all__ = ["invariance_error", "most_informative", "rotate", "rotation_errors"]

Transform = Callable[[Frame, np.random.Generator], Frame]
"""Draws an x' that is related to x."""


def invariance_error(
    classify: Classify, frames: Sequence[Frame], transform: Transform, draws: int = 1, seed: int = 0
) -> float:
    """L_2 of the rule Q_2 "x ~ x' implies f(x) = f(x')": the share of drawn pairs for which the class changes.

    The expectation is over pairs that are related: two pictures drawn independently never are.

    Args:
        classify: N x S x S x 3 uint8 frames to N x C probabilities; f is the most probable class.
        frames: drawn from p(x).
        transform: x' given x.
        draws: of x' for each x.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    changed = []
    for frame in frames:
        related = [transform(frame, rng) for _ in range(draws)]
        own, *others = classify(np.stack([frame, *related])).argmax(axis=1)
        changed += [other != own for other in others]
    return float(np.mean(changed)) if changed else float("nan")


def rotate(frame: Frame, degrees: float) -> Frame:
    """The frame turned counter-clockwise about its centre, mirrored at its border; bilinear."""
    height, width = frame.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    turned = cv2.warpAffine(
        frame, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(turned, np.uint8)


def rotation_errors(
    classify: Classify, frames: Sequence[Frame], angles: Sequence[float], draws: int = 8, seed: int = 0
) -> dict[float, float]:
    """The error of Q_3 "invariant to rotations of at most theta" for each theta, in degrees.

    The rotations of one theta are those of another, scaled: the errors differ by theta and not by luck.
    """
    return {
        theta: invariance_error(classify, frames, _rotation(theta), draws, seed)
        for theta in map(float, angles)
    }


def _rotation(theta: float) -> Transform:
    return lambda frame, rng: rotate(frame, theta * rng.uniform(-1, 1))


def most_informative(errors: Mapping[float, float], weight: float) -> float:
    """The theta of the most informative accurate rule: Eq. 1 with ``R(Q_3) = -theta``; the first of equal ones.

    Args:
        errors: by theta.
        weight: lambda, the error that one more degree is worth.
    """
    return min(errors, key=lambda theta: errors[theta] - weight * theta)
