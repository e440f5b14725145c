"""Intensity of heatmaps at annotated parts, such as eyes and feet of animals (Fong and Vedaldi 2017, section 5.4)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whyframe_evaluation.annotations.keypoints import Keypoint
from whyframe_evaluation.metrics.heatmaps import Heatmap

__all__ = [
    "MINIMUM_IMAGES",
    "PartIntensity",
    "intensity_at",
    "intensity_ratio",
    "part_intensities",
    "parts_of",
]

WINDOW = 5
"""Side of the window around a keypoint, in pixels; odd."""

MINIMUM_IMAGES = 10
"""Number of images that a category needs, each with a keypoint of every group."""


def intensity_at(heatmap: Heatmap, x: float, y: float) -> float:
    """Return the mean score of the 5 x 5 window around a keypoint, cut at the border.

    Args:
        heatmap: H x W scores at the size that the keypoint is given in; NaN where there is no score.
        x: Column in pixels; the pixel that contains the keypoint is the centre of the window.
        y: Row in pixels.

    Returns:
        Mean of the scores that exist; NaN where the keypoint lies outside the heatmap, or where there is no score.
    """
    if not (0 <= y < heatmap.shape[0] and 0 <= x < heatmap.shape[1]):
        return math.nan
    row, column, half = int(y), int(x), WINDOW // 2
    if math.isnan(heatmap[row, column]):
        return math.nan
    rows = slice(max(row - half, 0), row + half + 1)
    window = heatmap[rows, max(column - half, 0) : column + half + 1]
    return float(window.mean() if np.isfinite(window).all() else np.nanmean(window))


@dataclass(frozen=True)
class PartIntensity:
    """Mean intensities at the parts of a category.

    Attributes:
        category: Category name, such as ``"tiger"``.
        intensity: Mean over the keypoints of each group of parts, by group name.
        images: Number of images with at least one keypoint of every group.
    """

    category: str
    intensity: dict[str, float]
    images: int


def part_intensities(
    heatmap_of: Callable[[str], Heatmap | None],
    keypoints: Iterable[Keypoint],
    groups: Mapping[str, Collection[str]],
) -> list[PartIntensity]:
    """Return the mean intensity at each group of parts, for the categories with at least `MINIMUM_IMAGES` images.

    An image counts where it has a keypoint of every group in its heatmap.

    Args:
        heatmap_of: Function from a file name to its H x W heatmap at the size of the file, all in the same range; None
            for a file without a heatmap.
        keypoints: Visible keypoints. Those of files without a heatmap, or outside the heatmap, are left out.
        groups: Words that identify the parts of each group, by group name: ``{"eyes": ("eye",), "feet": ("paw",)}``.

    Returns:
        One item per category, sorted by name.
    """
    complete: dict[str, list[dict[str, list[float]]]] = defaultdict(list)
    for (file, category), points in _by_image(keypoints).items():
        heatmap = heatmap_of(file)
        values = {} if heatmap is None else _intensities(heatmap, points, groups)
        if len(values) == len(groups):
            complete[category].append(values)
    return [
        PartIntensity(category, _means(images, groups), len(images))
        for category, images in sorted(complete.items())
        if len(images) >= MINIMUM_IMAGES
    ]


def parts_of(words: Collection[str], keypoints: Iterable[Keypoint]) -> list[Keypoint]:
    """Return the keypoints whose part name contains one of the words, ignoring case.

    Args:
        words: Words in lower case.
        keypoints: Keypoints to select from.
    """
    return [point for point in keypoints if any(word in point.part.casefold() for word in words)]


def _by_image(keypoints: Iterable[Keypoint]) -> dict[tuple[str, str], list[Keypoint]]:
    """Return the keypoints by file and category."""
    grouped: dict[tuple[str, str], list[Keypoint]] = defaultdict(list)
    for point in keypoints:
        grouped[point.file, point.category].append(point)
    return grouped


def _intensities(
    heatmap: Heatmap, points: Sequence[Keypoint], groups: Mapping[str, Collection[str]]
) -> dict[str, list[float]]:
    """Return the intensities by group; a group without a keypoint in the heatmap is missing."""
    found: dict[str, list[float]] = {}
    for name, words in groups.items():
        values = [intensity_at(heatmap, point.x, point.y) for point in parts_of(words, points)]
        found[name] = [value for value in values if not np.isnan(value)]
    return {name: values for name, values in found.items() if values}


def _means(images: Sequence[Mapping[str, list[float]]], groups: Iterable[str]) -> dict[str, float]:
    return {name: float(np.mean([v for image in images for v in image[name]])) for name in groups}


def intensity_ratio(part: PartIntensity, over: str, under: str) -> float | None:
    """Return the mean intensity of a group of parts divided by that of another group.

    Above 1, the parts of ``over`` are more salient. The paper's feet-to-eyes ratios are those of deletion masks, whose
    low values are salient.

    Args:
        part: Intensities of a category.
        over: Group of the numerator.
        under: Group of the denominator.

    Returns:
        Ratio; None where the denominator is 0.
    """
    return part.intensity[over] / part.intensity[under] if part.intensity[under] else None
