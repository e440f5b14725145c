"""Exact antialiased resize of a window of an image, as Pillow does it, by products of small matrices.

The filter is as wide as the reduction, so that every input pixel counts. Its taps end at the edges of the image, not
at those of the window: the window of a centre crop gives what resizing the complete image and cropping afterwards
gives. As in Pillow the horizontal axis is resized first, and its result is rounded and clipped to 8 bits; bicubic sums
beyond black and white would differ by several levels otherwise. (Pillow 13 begins with the vertical axis where an image
loses more than twice as many rows as columns; the results differ by these roundings.)

A few neighbouring output pixels share most of their taps. Their weights are one small dense matrix, and numpy's BLAS
multiplies it with the rows of the image faster than any filter of OpenCV does. The horizontal axis is the vertical
axis of the transposed image.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["filter_taps", "nearest_samples", "resample"]

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

RADIUS = {"bilinear": 1, "bicubic": 2, "lanczos": 3}
"""Half of the width of each filter, in pixels, where it is not widened."""

BLOCK = 4
"""Number of output pixels that share a matrix: larger blocks hold more zeros, smaller ones need more calls."""

SINGLE_THREAD = 250_000
"""Multiply-adds of a product that OpenBLAS computes in the calling thread (its limit is 262,144).

Its worker threads would go on spinning for milliseconds and take the cores from the network that runs next.
"""

WORK_BYTES = 2**20
"""Size of the float32 rows that are worked on at a time, in bytes: they stay in the cache of a core."""


class Block(NamedTuple):
    """Weights of consecutive output rows.

    Attributes:
        outputs: Range of the output rows.
        first: First input row that has a weight.
        end: End of the input rows that have a weight.
        weights: Matrix of outputs x inputs, float32.
    """

    outputs: slice
    first: int
    end: int
    weights: Floats


def resample(
    image: Image,
    window: tuple[float, float, float, float],
    height: int,
    width: int,
    interpolation: str = "bilinear",
    antialias: bool = True,
) -> Image:
    """Resize a window of an image.

    Args:
        image: Image of H x W x C uint8 with any strides; its channels are resized independently.
        window: Top, left, height and width in pixels of the image, which may be fractions; inside the image.
        height: Height of the result, in pixels.
        width: Width of the result, in pixels.
        interpolation: Filter: ``"bilinear"``, ``"bicubic"``, ``"lanczos"``, or ``"nearest"`` (the pixels that
            Pillow takes).
        antialias: Whether to widen the filter by the reduction, as Pillow always does. False gives what torch's
            ``interpolate(antialias=False)`` gives. Not used by ``"nearest"``.

    Returns:
        Resized window, height x width x C uint8.
    """
    top, left, rows, columns = window
    vertical = (image.shape[0], top, rows, height)
    horizontal = (image.shape[1], left, columns, width)
    if interpolation == "nearest":
        return image[nearest_samples(*vertical)[:, None], nearest_samples(*horizontal)]
    down = _blocks(*vertical, interpolation, antialias)
    across = _blocks(*horizontal, interpolation, antialias)
    used = image[down[0].first : down[-1].end]
    if used.strides[0] < 0 or used.strides[1:] != (image.shape[2], 1):
        used = np.ascontiguousarray(used)  # OpenCV takes no other layout
    narrow = _resize_axis(used, True, across, 0, antialias)
    return _resize_axis(narrow, False, down, down[0].first, True)


def _resize_axis(
    image: NDArray[Any], horizontal: bool, blocks: tuple[Block, ...], skipped: int, rounded: bool
) -> NDArray[Any]:
    """Resize one axis.

    Args:
        image: Image of H x W x C, uint8 or float32.
        horizontal: Whether to resize the horizontal axis, which is the vertical axis of the transposed image.
        blocks: Weights of all output rows (columns, if horizontal).
        skipped: Number of rows above the image that the ranges of the blocks count.
        rounded: Whether to round and clip the result to 8 bits.

    Returns:
        Resized image, uint8 or float32.
    """
    width, channels, height = image.shape[1 - horizontal], image.shape[2], blocks[-1].outputs.stop
    shape = (width, height, channels) if horizontal else (height, width, channels)
    resized = np.empty(shape, np.uint8 if rounded else np.float32)
    step = max(SINGLE_THREAD // (max(block.weights.size for block in blocks) * channels), 1)
    groups = _groups(blocks, WORK_BYTES // (4 * channels * min(step, width)))
    for column in range(0, width, step):
        columns = slice(column, min(column + step, width))
        for group in groups:
            rows = slice(group[0].first - skipped, group[-1].end - skipped)
            outputs = slice(group[0].outputs.start, group[-1].outputs.stop)
            part = _transpose(image[columns, rows]) if horizontal else image[rows, columns]
            sums = _multiply(group, part)
            values = (_to_uint8(sums) if rounded else sums).reshape(-1, *part.shape[1:])
            if horizontal:
                resized[columns, outputs] = _transpose(values)
            else:
                resized[outputs, columns] = values
    return resized


def _groups(blocks: tuple[Block, ...], height: int) -> list[list[Block]]:
    """Split the blocks into groups of at most the given height, or of a single block."""
    groups: list[list[Block]] = [[]]
    for block in blocks:
        if groups[-1] and _height([*groups[-1][:1], block]) > height:
            groups.append([])
        groups[-1].append(block)
    return groups


def _height(group: list[Block]) -> int:
    """Return the number of input and output rows of consecutive blocks."""
    return group[-1].end - group[0].first + group[-1].outputs.stop - group[0].outputs.start


def _multiply(group: list[Block], image: NDArray[Any]) -> Floats:
    """Return the products of the blocks' weights and the rows of an image.

    Args:
        group: Consecutive blocks.
        image: Input rows from the first block's first one on, H x W x C.

    Returns:
        Output rows of the blocks, each of W * C float32, which are valid until the next call.
    """
    start, first, height, values = group[0].outputs.start, group[0].first, len(image), image[0].size
    work = _memory(_height(group) * values).reshape(-1, values)
    np.copyto(work[:height].reshape(image.shape), image)
    sums = work[height:]
    for outputs, low, high, weights in group:
        part = slice(outputs.start - start, outputs.stop - start)
        np.matmul(weights, work[low - first : high - first], out=sums[part])
    return sums


class _ThreadMemory(threading.local):
    """Memory of each thread that is kept between calls: new pages cost as much time as the products.

    Attributes:
        values: Memory as a vector, float32.
    """

    values: Floats = np.empty(0, np.float32)


_MEMORY = _ThreadMemory()


def _memory(size: int) -> Floats:
    """Return a vector of float32 values that this thread may use until the next call."""
    if _MEMORY.values.size < size:
        _MEMORY.values = np.empty(size, np.float32)
    return _MEMORY.values[:size]


def _transpose(image: NDArray[Any]) -> NDArray[Any]:
    """Return the image with rows and columns exchanged, H x W x C to W x H x C."""
    return cv2.transpose(image).reshape(image.shape[1], image.shape[0], image.shape[2])


def _to_uint8(values: Floats) -> Image:
    """Clip a matrix to 0..255, its negative values in place, and round it to the nearest integers.

    OpenCV rounds halves to even numbers. The small summand makes it round them up, as Pillow does.
    """
    cv2.threshold(values, 0, 0, cv2.THRESH_TOZERO, dst=values)
    return cv2.convertScaleAbs(values, beta=2**-12)  # type: ignore[return-value]


def nearest_samples(n_in: int, start: float, length: float, n_out: int) -> NDArray[np.intp]:
    """Return the input pixel of each output pixel. Positions are summed up one by one, as in Pillow.

    Args:
        n_in: Number of input pixels along the axis.
        start: Start of the resized window, in input pixels.
        length: Length of the resized window, in input pixels.
        n_out: Number of output pixels N.

    Returns:
        N indices.
    """
    scale = length / n_out
    steps = np.full(n_out, scale)
    steps[0] = start + scale * 0.5
    return np.clip(np.cumsum(steps).astype(np.intp), 0, n_in - 1)


@lru_cache(maxsize=64)
def _blocks(
    n_in: int, start: float, length: float, n_out: int, interpolation: str, antialias: bool
) -> tuple[Block, ...]:
    """Return the weights of one axis, as matrices of `BLOCK` outputs."""
    taps, weights = filter_taps(n_in, start, length, n_out, interpolation, antialias)
    blocks = []
    for begin in range(0, n_out, BLOCK):
        outputs = slice(begin, min(begin + BLOCK, n_out))
        used = taps[outputs]
        first, end = int(used.min()), int(used.max()) + 1
        matrix = np.zeros((len(used), end - first), np.float32)
        np.add.at(matrix, (np.arange(len(used))[:, None], used - first), weights[outputs])
        blocks.append(Block(outputs, first, end, matrix))
    return tuple(blocks)


def filter_taps(
    n_in: int, start: float, length: float, n_out: int, interpolation: str, antialias: bool
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the input pixels of each output pixel and their weights.

    Args:
        n_in: Number of input pixels along the axis.
        start: Start of the resized window, in input pixels.
        length: Length of the resized window, in input pixels.
        n_out: Number of output pixels.
        interpolation: Filter, ``"bilinear"``, ``"bicubic"`` or ``"lanczos"``, which is always antialiased.
        antialias: Whether to widen the filter by the reduction.

    Returns:
        Indices and float64 weights, each n_out x T; an index may occur twice.
    """
    scale = length / n_out
    centres = start + (np.arange(n_out)[:, None] + 0.5) * scale
    if antialias:
        stretch = max(scale, 1.0)
        support = RADIUS[interpolation] * stretch
        first = np.maximum(np.trunc(centres - support + 0.5), 0)
        end = np.minimum(np.trunc(centres + support + 0.5), n_in)
        taps = first + np.arange((end - first).max())
        weights = _filter((taps - centres + 0.5) / stretch, interpolation, -0.5) * (taps < end)
        weights /= weights.sum(axis=1, keepdims=True)
    else:
        radius = RADIUS[interpolation]
        taps = np.floor(centres - 0.5) + np.arange(1 - radius, radius + 1)
        weights = _filter(taps - centres + 0.5, interpolation, -0.75)
    return np.clip(taps, 0, n_in - 1).astype(np.intp), weights


def _filter(x: NDArray[np.float64], interpolation: str, a: float) -> NDArray[np.float64]:
    """Return the values of the filter at x: a triangle, Keys' cubic with the parameter a, or Lanczos'."""
    x = np.abs(x)
    if interpolation == "bilinear":
        return np.maximum(1 - x, 0)
    if interpolation == "lanczos":
        return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))
