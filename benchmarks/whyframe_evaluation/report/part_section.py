"""Maps at annotated eyes and feet (second paper, 5.4), from the maps that a study keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from whyframe.preprocess import to_frame
from whyframe_evaluation.annotations.boxes import path_within
from whyframe_evaluation.annotations.keypoints import Keypoint, read_coco_keypoints
from whyframe_evaluation.metrics.heatmaps import Heatmap, unit_range
from whyframe_evaluation.metrics.part_intensity import (
    MINIMUM_IMAGES,
    PartIntensity,
    intensity_ratio,
    part_intensities,
    parts_of,
)
from whyframe_evaluation.report.markdown import table
from whyframe_evaluation.run.dataset import ImageFolder, check_one_folder
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_training.data import DataError

__all__ = ["PartSummary", "find_keypoints", "part_summaries", "parts_table"]

GROUPS = {"eyes": ("eye",), "feet": ("foot", "feet", "paw", "hoof", "ankle")}
"""The paper's two groups of parts, by words in a part's name."""

READING = (
    "Means of maps scaled to [0, 1], in 5 x 5 pixels about each visible keypoint: a ratio above 1 says that eyes are "
    "more salient than feet. Every picture of the study counts, whatever its predicted class; with `--boxes`, those "
    "that have a box of it."
)
NOTHING = f"No method has maps of {MINIMUM_IMAGES} pictures of one category that show both eyes and feet."

Mask = NDArray[np.float32]
MaskOf = Callable[[str, str], Mask | None]


@dataclass(frozen=True)
class PartSummary:
    """What one method's maps say of one category of animals.

    Attributes:
        method: its name.
        category: such as ``"tiger"``.
        eyes: mean intensity at them, in [0, 1].
        feet: likewise.
        ratio: of eyes over feet; None where the feet have no intensity.
        images: that show both.
    """

    method: str
    category: str
    eyes: float
    feet: float
    ratio: float | None
    images: int


def find_keypoints(path: Path | None, sources: Sequence[ImageFolder]) -> list[Keypoint]:
    """The visible keypoints of a study's one folder, each with its picture's key as the file; none without a path.

    Raises:
        DataError: several folders, no keypoints in COCO's form, no eyes or no feet, or a picture that is not there.
    """
    if path is None:
        return []
    check_one_folder("--keypoints", path, sources)
    (source,) = sources
    keypoints = read_coco_keypoints(path)
    for name, words in GROUPS.items():
        if not parts_of(words, keypoints):
            raise DataError(f"{path} shows no {name}: no visible part has {' or '.join(words)} in its name")
    files = dict.fromkeys(point.file for point in keypoints)
    keys = {file: source.key(source.root / path_within(source.root, file, path)) for file in files}
    return [replace(point, file=keys[point.file]) for point in keypoints]


def part_summaries(
    rows: Sequence[MapResult], subjects: Sequence[Sample], keypoints: Sequence[Keypoint], mask_of: MaskOf
) -> list[PartSummary]:
    """A line for each method and each category that it has maps enough of.

    A map is of the picture's predicted class, whatever the category; it is scaled to [0, 1] and enlarged to the file.

    Args:
        rows: of all methods.
        subjects: the pictures.
        keypoints: see `find_keypoints`.
        mask_of: a method's map of a picture by their names, h x w; None where there is none.
    """
    sizes = {one.file: one.size for one in subjects}
    explained = {(row.method, row.file) for row in rows if not row.error}

    def heatmap_of(method: str, file: str) -> Heatmap | None:
        scores = mask_of(method, file) if (method, file) in explained else None
        return None if scores is None else _enlarged(scores, *sizes[file])

    return [
        _line(method, one)
        for method in dict.fromkeys(row.method for row in rows)
        for one in part_intensities(partial(heatmap_of, method), keypoints, GROUPS)
    ]


def _enlarged(scores: Mask, height: int, width: int) -> Heatmap:
    return to_frame(unit_range(scores).astype(np.float32), height, width, "stretch")


def _line(method: str, one: PartIntensity) -> PartSummary:
    eyes, feet = one.intensity["eyes"], one.intensity["feet"]
    return PartSummary(method, one.category, eyes, feet, intensity_ratio(one, "eyes", "feet"), one.images)


def parts_table(lines: Sequence[PartSummary]) -> str:
    """The section in Markdown."""
    heads = ["method", "category", "at eyes", "at feet", "eyes / feet", "pictures"]
    said = f"{table(heads, [_cells(one) for one in lines])}\n{READING}" if lines else NOTHING
    return f"\n## Intensity at parts\n\n{said}\n"


def _cells(one: PartSummary) -> list[str]:
    ratio = "-" if one.ratio is None else f"{one.ratio:.2f}"
    return [one.method, one.category, f"{one.eyes:.3f}", f"{one.feet:.3f}", ratio, str(one.images)]
