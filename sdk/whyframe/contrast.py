"""Contrast of two maps of the same frame: what speaks for one class rather than for another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from whyframe.input_spec import InputSpec
from whyframe.pipeline import FrameOutput
from whyframe.scores import MINIMUM_RANGE, HostScores

__all__ = ["contrast_masks", "contrast_outputs"]


def contrast_masks(mask: NDArray[np.float32], against: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``max(0, mask - against)``, divided by its maximum.

    Args:
        mask: h x w float32 scores of the explained class, in [0, 1].
        against: h x w float32 scores of the other class, in [0, 1].

    Returns:
        h x w float32 scores in [0, 1]; 0 everywhere where no difference reaches `MINIMUM_RANGE`, since the division
        would only enlarge noise.
    """
    kept = np.maximum(mask - against, np.float32(0))
    peak = float(kept.max())
    return kept / np.float32(peak) if peak >= MINIMUM_RANGE else np.zeros_like(kept)


def contrast_outputs(output: FrameOutput, against: FrameOutput, spec: InputSpec) -> FrameOutput:
    """Return the output for a frame's explained class with its scores against those of another class.

    Args:
        output: Output for the explained class.
        against: Output for the other class, of the same frame.
        spec: The model's input.

    Returns:
        The output, with the time of both. Its scores carry no signal where those of the explained class carry none, or
        where they are nowhere clearly higher than those of the other class.
    """
    mask = contrast_masks(output.scores.mask, against.scores.mask)
    no_signal = output.scores.no_signal or not mask.any()
    scores = HostScores(mask, no_signal, output.frame.shape[:2], spec)
    timings = {stage: time + against.timings[stage] for stage, time in output.timings.items()}
    return replace(output, scores=scores, timings=timings)
