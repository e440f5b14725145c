"""Keypoints of animals: the visible parts that a COCO JSON file annotates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whyframe.errors import one_line
from whyframe_evaluation.annotations.annotation_files import (
    AnyPath,
    annotated_name,
    finite_numbers,
    read_annotations,
)
from whyframe_training.data import DataError

__all__ = ["Keypoint", "read_coco_keypoints"]

VISIBLE = 2  # COCO's visibility flag: 0 not labelled, 1 labelled but hidden, 2 visible


@dataclass(frozen=True)
class Keypoint:
    """Visible part of an animal.

    Attributes:
        file: Name of the image file.
        category: Category name of the animal, such as ``"tiger"``.
        part: Name of the part, such as ``"left_eye"``.
        x: Column in pixels of the file.
        y: Row in pixels of the file.
    """

    file: str
    category: str
    part: str
    x: float
    y: float


def read_coco_keypoints(path: AnyPath) -> list[Keypoint]:
    """Read the keypoints of a COCO JSON file that are marked visible.

    Args:
        path: File to read.

    Returns:
        Keypoints in the order of the annotations.

    Raises:
        DataError: The file cannot be read, or has no keypoints in the COCO form.
    """
    data = read_annotations(path, "a COCO JSON with keypoints")
    try:
        return list(_keypoints(data))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{path} is not a COCO JSON with keypoints ({one_line(repr(error))})") from error


def _keypoints(data: Mapping[str, Any]) -> Iterator[Keypoint]:
    files = {image["id"]: annotated_name(image["file_name"]) for image in data["images"]}
    categories = {category["id"]: category for category in data["categories"]}
    for annotation in data["annotations"]:
        category, flat = categories[annotation["category_id"]], annotation["keypoints"]
        name, flat = annotated_name(category["name"]), finite_numbers(flat, len(flat))
        triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        for part, (x, y, visibility) in zip(category["keypoints"], triples, strict=True):
            if visibility == VISIBLE:
                yield Keypoint(files[annotation["image_id"]], name, annotated_name(part), float(x), float(y))
