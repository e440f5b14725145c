"""Intensity at annotated parts (second paper, 5.4): are an animal's eyes more salient than its feet?"""

from __future__ import annotations

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
MINIMUM_IMAGES = 10


def intensity_at(heatmap: Heatmap, x: float, y: float, window: int = WINDOW) -> float:
    """The mean intensity of a window around a keypoint, cut at the border; NaN for one outside the heatmap.

    Args:
        heatmap: H x W at the size that the keypoint is given in.
        x: column in pixels; the pixel that holds it is the centre.
        y: row in pixels.
        window: odd, in pixels.
    """
    if not (0 <= y < heatmap.shape[0] and 0 <= x < heatmap.shape[1]):
        return float("nan")
    row, column, half = int(y), int(x), window // 2
    rows = slice(max(row - half, 0), row + half + 1)
    return float(heatmap[rows, max(column - half, 0) : column + half + 1].mean())


@dataclass(frozen=True)
class PartIntensity:
    """Mean intensities of one category's parts.

    Attributes:
        category: such as ``"tiger"``.
        intensity: by group of parts, the mean over its keypoints.
        images: with at least one keypoint of every group.
    """

    category: str
    intensity: dict[str, float]
    images: int


def part_intensities(
    heatmap_of: Callable[[str], Heatmap | None],
    keypoints: Iterable[Keypoint],
    groups: Mapping[str, Collection[str]],
    minimum_images: int = MINIMUM_IMAGES,
) -> list[PartIntensity]:
    """The paper's test: categories with enough images that show every group, and each group's mean intensity.

    Args:
        heatmap_of: a file's, H x W at the file's size, all in the same range; None where there is none.
        keypoints: as read; those of files without a heatmap, or outside theirs, are left out.
        groups: by name, the words that mean its parts, see `parts_of`: ``{"eyes": ("eye",), "feet": ...}``.
        minimum_images: of a category.
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
        if len(images) >= minimum_images
    ]


def parts_of(words: Collection[str], keypoints: Iterable[Keypoint]) -> list[Keypoint]:
    """The keypoints whose part has one of the words in its name, whatever the case."""
    return [point for point in keypoints if any(word in point.part.casefold() for word in words)]


def _by_image(keypoints: Iterable[Keypoint]) -> dict[tuple[str, str], list[Keypoint]]:
    """By file and category."""
    found: dict[tuple[str, str], list[Keypoint]] = defaultdict(list)
    for point in keypoints:
        found[point.file, point.category].append(point)
    return found


def _intensities(
    heatmap: Heatmap, points: Sequence[Keypoint], groups: Mapping[str, Collection[str]]
) -> dict[str, list[float]]:
    """By group, the intensities at its keypoints; a group without one in the heatmap is missing."""
    found = {
        name: [intensity_at(heatmap, one.x, one.y) for one in parts_of(words, points)]
        for name, words in groups.items()
    }
    seen = {name: [value for value in values if not np.isnan(value)] for name, values in found.items()}
    return {name: values for name, values in seen.items() if values}


def _means(images: Sequence[Mapping[str, list[float]]], groups: Iterable[str]) -> dict[str, float]:
    return {name: float(np.mean([v for image in images for v in image[name]])) for name in groups}


def intensity_ratio(row: PartIntensity, over: str, under: str) -> float | None:
    """How many times as intense one group of parts is as another; None where that other has no intensity.

    The paper's feet-to-eyes ratios are of deletion masks, whose low values are salient.
    """
    return row.intensity[over] / row.intensity[under] if row.intensity[under] else None
