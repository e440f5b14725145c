"""Resampling taps of the manifest's resize rule, for the kernel that applies them.

A tap is a source sample and its weight. Each output sample is the weighted sum of its taps.
"""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from whyframe.input_spec import InputSpec
from whyframe.resample import filter_taps, nearest_samples

__all__ = ["Taps", "frame_taps", "resize_taps"]

Taps = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Taps of an axis: the first source sample of each output, S int32, and the weights from there on, S x taps float32."""

_Rows = tuple[NDArray[np.int64], NDArray[np.float64]]


def frame_taps(height: int, width: int, spec: InputSpec) -> tuple[Taps, Taps]:
    """Return the taps from a frame to the part of the model's input that shows it.

    Applying them gives the result of `whyframe.preprocess.to_input`.

    Args:
        height: Height of the frame, in pixels.
        width: Width of the frame, in pixels.
        spec: The model's input.

    Returns:
        Taps of the rows, and taps of the columns.
    """
    rule, place = spec.resize, spec.resize.placement(height, width, spec.height, spec.width)
    if rule.interpolation == "fast":  # its windows have whole pixels
        top, left, window_height, window_width = (int(value) for value in place[:4])
        return resize_taps(top, window_height, spec.height), resize_taps(left, window_width, spec.width)
    rows, columns = place.end_row - place.first_row, place.end_column - place.first_column
    down = _shown(place.top, place.height / spec.height, place.first_row, rows, height)
    across = _shown(place.left, place.width / spec.width, place.first_column, columns, width)
    return (
        _filtered(down, height, rows, rule.interpolation, rule.antialias),
        _filtered(across, width, columns, rule.interpolation, rule.antialias),
    )


def _shown(start: float, step: float, first: int, outputs: int, samples: int) -> tuple[float, float]:
    """Return start and length of the samples that some outputs show, without rounding errors at the frame's edges.

    Args:
        start: Start of the window that the input covers, in samples of the frame.
        step: Distance between two outputs, in samples of the frame.
        first: First output that shows the frame.
        outputs: Number of outputs that show the frame.
        samples: Number of samples of the frame.
    """
    low, high = max(start + first * step, 0.0), min(start + (first + outputs) * step, float(samples))
    return low, high - low


def resize_taps(window_start: int, window_length: int, side: int) -> Taps:
    """Return the taps of an axis.

    The axis is halved by averages while it has at least 2 S samples, and then interpolated linearly between half-pixel
    centres.

    Args:
        window_start: First sample of the window that becomes the model's input.
        window_length: Number of samples in the window.
        side: Side S of the model's input, in pixels.

    Returns:
        ``start``, S ascending int32, and ``weight``, S x taps float32, whose rows sum to 1. A tap of weight 0 may lie
        outside the frame.
    """
    lengths = [window_length]
    while lengths[-1] >= 2 * side:
        lengths.append(lengths[-1] // 2)
    steps = [_averages(longer, shorter) for longer, shorter in pairwise(lengths)]
    start, weight = reduce(_compose, reversed(steps), _linear(lengths[-1], side))
    return _to_taps(window_start + start, weight)


def _filtered(
    window: tuple[float, float], samples: int, outputs: int, interpolation: str, antialias: bool
) -> Taps:
    """Return the taps of an exact resize along an axis; see `whyframe.resample`.

    Args:
        window: Start and length of the part of the axis that the outputs show, in samples.
        samples: Number of samples of the frame.
        outputs: Number of outputs.
        interpolation: ``"bilinear"``, ``"bicubic"`` or ``"nearest"``.
        antialias: Whether the filter is widened where the frame is reduced.
    """
    if interpolation == "nearest":
        nearest = nearest_samples(samples, *window, outputs)
        return nearest.astype(np.int32), np.ones((outputs, 1), np.float32)
    sample, weight = filter_taps(samples, *window, outputs, interpolation, antialias)
    start = sample[:, 0]
    offset = sample - start[:, None]
    taps = np.zeros((outputs, int(offset.max()) + 1))
    np.add.at(taps, (np.arange(outputs)[:, None], offset), weight)  # at the edges, samples are repeated
    return _to_taps(start, taps)


def _to_taps(start: NDArray[np.integer], weight: NDArray[np.float64]) -> Taps:
    """Return the taps in the types of the kernel, without the last taps if their weights are 0 in every row."""
    taps = int(np.flatnonzero(weight.any(axis=0))[-1]) + 1
    return start.astype(np.int32), weight[:, :taps].astype(np.float32)


def _linear(length: int, side: int) -> _Rows:
    """Return the taps of linear interpolation from ``length`` samples to ``side``."""
    position = np.clip((np.arange(side) + 0.5) * length / side - 0.5, 0, length - 1)
    start = position.astype(np.int64)
    second = position - start  # 0 at the last sample, which has no next sample
    return start, np.stack([1 - second, second], axis=1)


def _averages(length: int, side: int) -> _Rows:
    """Return the taps of averages: each of ``side`` outputs is the mean over an interval of ``length`` samples."""
    edges = np.arange(side + 1) * length / side
    start = np.floor(edges[:-1]).astype(np.int64)
    sample = start[:, None] + np.arange(int(np.ceil(length / side)) + 1)
    overlap = np.minimum(edges[1:, None], sample + 1) - np.maximum(edges[:-1, None], sample)
    return start, np.maximum(overlap, 0) * side / length


def _compose(second: _Rows, first: _Rows) -> _Rows:
    """Return the taps that give the result of ``first`` followed by ``second``."""
    (start, weight), (source, inner) = second, first
    samples = np.minimum(start[:, None] + np.arange(weight.shape[1]), len(source) - 1)
    out_start = source[samples[:, 0]]
    offset = source[samples] - out_start[:, None]
    out = np.zeros((len(start), int(offset.max()) + inner.shape[1]))
    rows = np.arange(len(start))[:, None, None]
    np.add.at(out, (rows, offset[..., None] + np.arange(inner.shape[1])), weight[..., None] * inner[samples])
    return out_start, out
