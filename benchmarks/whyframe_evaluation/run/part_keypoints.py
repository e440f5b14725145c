"""Annotated eyes and feet of the images of an evaluation (Fong and Vedaldi 2017, section 5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whyframe_evaluation.annotations.annotation_files import path_within
from whyframe_evaluation.annotations.keypoints import Keypoint, read_coco_keypoints
from whyframe_evaluation.metrics.part_intensity import parts_of
from whyframe_evaluation.run.dataset import ImageFolder, check_one_folder
from whyframe_training.data import DataError

__all__ = ["PART_GROUPS", "find_keypoints"]

PART_GROUPS = {"eyes": ("eye",), "feet": ("foot", "feet", "paw", "hoof", "ankle")}
"""The paper's two groups of parts, each with the words that a part's name may contain."""


def find_keypoints(path: Path, folders: Sequence[ImageFolder]) -> list[Keypoint]:
    """Read the visible keypoints of the images of the only folder.

    Args:
        path: COCO JSON file with keypoints.
        folders: The folders of the evaluation, of which there must be one.

    Returns:
        The keypoints; the file of each is the name of its sample, see `Sample.file`.

    Raises:
        DataError: There are several folders, the file has no keypoints in COCO's form, no eyes or no feet, or it
            names an image that is not in the folder.
    """
    check_one_folder("--keypoints", path, folders)
    (folder,) = folders
    keypoints = read_coco_keypoints(path)
    for group, words in PART_GROUPS.items():
        if not parts_of(words, keypoints):
            raise DataError(f"{path} shows no {group}: no visible part has {' or '.join(words)} in its name")
    files = dict.fromkeys(point.file for point in keypoints)
    names = {file: folder.key(folder.root / path_within(folder.root, file, path)) for file in files}
    return [replace(point, file=names[point.file]) for point in keypoints]
