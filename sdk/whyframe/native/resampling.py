"""The manifest's resize rule as weights of source samples, for the kernel that applies it."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from whyframe.preprocess import crop_window

__all__ = ["Taps", "frame_taps", "resize_taps"]

Taps = tuple[NDArray[np.int32], NDArray[np.float32]]
"""One axis: the first source sample of each output (side), and the weights from there on (side x taps)."""

_Rows = tuple[NDArray[np.int64], NDArray[np.float64]]


def frame_taps(height: int, width: int, side: int, resize: str) -> tuple[Taps, Taps]:
    """How a frame of H x W pixels becomes the model's S x S input, as `whyframe.preprocess.to_input` does it.

    Args:
        height: H.
        width: W.
        side: S.
        resize: The manifest's rule, ``"stretch"`` or ``"crop"``.

    Returns:
        The taps of the rows and those of the columns.
    """
    top, left, tall, wide = crop_window(height, width, resize)
    return resize_taps(top, tall, side), resize_taps(left, wide, side)


def resize_taps(window_start: int, window_length: int, side: int) -> Taps:
    """One axis: halved by averages while at least 2 S samples are left, then linear between half-pixel centres.

    Args:
        window_start: The first one that the model sees.
        window_length: How many it sees.
        side: S.

    Returns:
        ``start``, S int32 that never fall, and ``weight``, S x taps float32 whose rows sum to 1. A tap of
        weight 0 may lie outside the frame.
    """
    lengths = [window_length]
    while lengths[-1] >= 2 * side:
        lengths.append(lengths[-1] // 2)
    steps = [_averages(many, few) for many, few in pairwise(lengths)]
    start, weight = reduce(_compose, reversed(steps), _linear(lengths[-1], side))
    # Zeros at the end of every row are not worth a tap.
    taps = max(int(np.flatnonzero(weight.any(axis=0))[-1]) + 1, 1)
    return (window_start + start).astype(np.int32), weight[:, :taps].astype(np.float32)


def _linear(length: int, side: int) -> _Rows:
    place = np.clip((np.arange(side) + 0.5) * length / side - 0.5, 0, length - 1)
    start = place.astype(np.int64)
    second = place - start  # 0 at the last sample, which has no neighbour
    return start, np.stack([1 - second, second], axis=1)


def _averages(many: int, few: int) -> _Rows:
    """Each of ``few`` outputs is the mean over its interval of ``many`` samples: pairs, and of odd lengths more."""
    edges = np.arange(few + 1) * many / few
    start = np.floor(edges[:-1]).astype(np.int64)
    sample = start[:, None] + np.arange(int(np.ceil(many / few)) + 1)
    overlap = np.minimum(edges[1:, None], sample + 1) - np.maximum(edges[:-1, None], sample)
    return start, np.maximum(overlap, 0) * few / many


def _compose(after: _Rows, before: _Rows) -> _Rows:
    """The taps of ``after`` on what ``before`` makes of the source."""
    (start, weight), (source, inner) = after, before
    taken = np.minimum(start[:, None] + np.arange(weight.shape[1]), len(source) - 1)
    first = source[taken[:, 0]]
    offset = source[taken] - first[:, None]
    out = np.zeros((len(start), int(offset.max()) + inner.shape[1]))
    rows = np.arange(len(start))[:, None, None]
    np.add.at(out, (rows, offset[..., None] + np.arange(inner.shape[1])), weight[..., None] * inner[taken])
    return first, out
