"""Intensity at annotated parts (second paper, 5.4): are an animal's eyes more salient than its feet?"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whyframe_training.data import DataError
from whyframe_training.evaluation.heatmaps import Heatmap

__all__ = [
    "Keypoint",
    "PartIntensity",
    "intensity_at",
    "intensity_ratio",
    "part_intensities",
    "read_coco_keypoints",
]

WINDOW = 5
MINIMUM_IMAGES = 10
NOT_OCCLUDED = 2  # COCO's visibility flag: 0 not labelled, 1 labelled but hidden, 2 visible


@dataclass(frozen=True)
class Keypoint:
    """One visible part of an animal.

    Attributes:
        file: the image's name.
        category: the animal's, such as ``"tiger"``.
        part: such as ``"left_eye"``.
        x: pixels of the file.
        y: pixels of the file.
    """

    file: str
    category: str
    part: str
    x: float
    y: float


def read_coco_keypoints(path: str | Path) -> list[Keypoint]:
    """The keypoints of a COCO JSON that are marked visible.

    Raises:
        DataError: no such file, or one without keypoints in COCO's form.
    """
    try:
        return list(_keypoints(json.loads(Path(path).read_text(encoding="utf-8"))))
    except FileNotFoundError as error:
        raise DataError(f"no {path}: give a COCO JSON with keypoints") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not a COCO JSON with keypoints ({error!r})") from error


def _keypoints(data: Mapping[str, Any]) -> Iterator[Keypoint]:
    files = {image["id"]: image["file_name"] for image in data["images"]}
    categories = {category["id"]: category for category in data["categories"]}
    for annotation in data["annotations"]:
        category, flat = categories[annotation["category_id"]], annotation["keypoints"]
        triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        for part, (x, y, visibility) in zip(category["keypoints"], triples, strict=True):
            if visibility == NOT_OCCLUDED:
                yield Keypoint(files[annotation["image_id"]], category["name"], part, float(x), float(y))


def intensity_at(heatmap: Heatmap, x: float, y: float, window: int = WINDOW) -> float:
    """The mean intensity of a window around a keypoint, cut at the border; NaN for one outside the heatmap.

    Args:
        heatmap: H x W at the size that the keypoint is given in.
        x: column in pixels; the pixel that holds it is the centre.
        y: row in pixels.
        window: odd, in pixels.
    """
    row, column, half = int(np.floor(y)), int(np.floor(x)), window // 2
    if not (0 <= row < heatmap.shape[0] and 0 <= column < heatmap.shape[1]):
        return float("nan")
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
    heatmaps: Mapping[str, Heatmap],
    keypoints: Iterable[Keypoint],
    groups: Mapping[str, Collection[str]],
    minimum_images: int = MINIMUM_IMAGES,
) -> list[PartIntensity]:
    """The paper's test: categories with enough images that show every group, and each group's mean intensity.

    Args:
        heatmaps: by file, H x W at the file's size, all in the same range.
        keypoints: as read; those of files without a heatmap, or outside theirs, are left out.
        groups: by name, the parts that belong to it: ``{"eyes": {"left_eye", "right_eye"}, "feet": {...}}``.
        minimum_images: of a category.
    """
    seen: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(dict))
    for name, point in _grouped(keypoints, groups):
        value = intensity_at(heatmaps[point.file], point.x, point.y) if point.file in heatmaps else np.nan
        if not np.isnan(value):
            seen[point.category][point.file].setdefault(name, []).append(value)
    rows = []
    for category, by_file in sorted(seen.items()):
        complete = [values for values in by_file.values() if len(values) == len(groups)]
        if len(complete) >= minimum_images:
            rows.append(PartIntensity(category, _means(complete, groups), len(complete)))
    return rows


def _grouped(
    keypoints: Iterable[Keypoint], groups: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, Keypoint]]:
    for point in keypoints:
        for name, parts in groups.items():
            if point.part in parts:
                yield name, point


def _means(images: Sequence[Mapping[str, list[float]]], groups: Iterable[str]) -> dict[str, float]:
    return {name: float(np.mean([v for image in images for v in image[name]])) for name in groups}


def intensity_ratio(row: PartIntensity, over: str, under: str) -> float:
    """How many times as intense one group of parts is as another.

    The paper's feet-to-eyes ratios are of deletion masks, whose low values are salient.
    """
    return row.intensity[over] / row.intensity[under]
