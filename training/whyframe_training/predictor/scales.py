"""Scales of a decoder: which of a classifier's features belong to each, and the size of the mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import TypeVar

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.feature_taps import Tap, finest_stride

__all__ = ["fit_widths", "grouped", "scale_groups"]

T = TypeVar("T")


def scale_groups(taps: Sequence[Tap], spec: InputSpec) -> tuple[int, ...]:
    """Return the number of feature maps, without the last features, in each scale of a decoder.

    Features with the same grid form one scale. Where the finest grid is coarser than `finest_stride`, scales without
    features follow, each of twice the size, up to four times the finest grid.

    Args:
        taps: Taps of a classifier, from fine to coarse.
        spec: The classifier's input.

    Returns:
        Numbers from coarse to fine: (1, 1, 1) for features at strides 4, 8, 16 and the last features; (2, 0, 0) for
        three depths of a vision transformer with 16 x 16 patches; (0,) where the last features are all.
    """
    groups = [len(list(group)) for _, group in groupby(reversed(taps[:-1]), key=lambda tap: tap.grid)] or [0]
    stride = (spec.height * spec.width) ** 0.5 / taps[0].side
    wanted = 0.8 * finest_stride(spec.height, spec.width)  # patches of 14 pixels give a mask of stride 3.5
    doublings = next((count for count in (2, 1) if stride / 2**count >= wanted), 0)
    return (*groups, *(0,) * doublings)


def fit_widths(widths: Sequence[int], count: int) -> tuple[int, ...]:
    """Return channels for a number of scales: the finest ones of those given, or halves of the last one behind them.

    Args:
        widths: Channels from coarse to fine.
        count: Number of scales.
    """
    fitted = list(widths)
    while len(fitted) < count:
        fitted.append(max(fitted[-1] // 2, 8))
    return tuple(fitted[len(fitted) - count :])


def grouped(items: Sequence[T], groups: Sequence[int]) -> Iterator[list[T]]:
    """Yield consecutive items in groups of given sizes."""
    remaining = iter(items)
    for count in groups:
        yield list(islice(remaining, count))
