"""Keypoints of animals in COCO's JSON: the parts that are marked visible."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whyframe_training.data import DataError

__all__ = ["Keypoint", "read_coco_keypoints"]

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
        DataError: no file that can be read, or one without keypoints in COCO's form.
    """
    try:
        return list(_keypoints(json.loads(Path(path).read_text(encoding="utf-8"))))
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): give a COCO JSON with keypoints"
        ) from error
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
