"""Images with annotated objects, and the form ``boxes.json`` that keeps them in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from whyframe.errors import one_line
from whyframe_evaluation.annotations.annotation_files import annotated_name, finite_numbers, read_annotations
from whyframe_evaluation.annotations.imagenet_classes import IMAGENET_CLASSES
from whyframe_training.data import DataError

__all__ = ["Box", "BoxedImage", "BoxedObject", "read_boxed_images"]

Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2) in pixels; ``x2 - x1`` is the width and ``y2 - y1`` the height."""


class BoxedObject(NamedTuple):
    """Object of an image.

    Attributes:
        category: Category name.
        box: (x1, y1, x2, y2) in pixels of the file.
        difficult: Whether the data set marks the object as difficult to recognise.
    """

    category: str
    box: Box
    difficult: bool = False


@dataclass(frozen=True)
class BoxedImage:
    """Image file with its objects.

    Attributes:
        path: Path of the image file.
        objects: Objects in the order of the annotations; empty where there are none.
    """

    path: Path
    objects: tuple[BoxedObject, ...]

    def objects_of(
        self, class_id: int, classes: Mapping[str, frozenset[int]] = IMAGENET_CLASSES
    ) -> list[BoxedObject]:
        """Return the objects of a class; none where all of them are marked difficult (the rule of Pascal VOC).

        Args:
            class_id: Class of the classifier.
            classes: Class ids that belong to each category, by category name.
        """
        found = [item for item in self.objects if class_id in classes.get(item.category, ())]
        return [] if all(item.difficult for item in found) else found

    def boxes_of(self, class_id: int) -> list[Box]:
        """Return the boxes of the objects of an ImageNet class."""
        return [item.box for item in self.objects_of(class_id)]


def read_boxed_images(folder: str | Path) -> list[BoxedImage]:
    """Read the images of a folder that contains ``boxes.json`` and ``images/``.

    ``boxes.json`` is a list of ``{"file": name, "boxes": [{"category": name, "xyxy": [x1, y1, x2, y2]}, ...]}``.

    Args:
        folder: Folder to read.

    Returns:
        One item per entry, in the order of the file.

    Raises:
        DataError: ``boxes.json`` is missing or has another form.
    """
    path = Path(folder) / "boxes.json"
    if not path.is_file():
        raise DataError(f"no {path}: give a folder with boxes.json and images/")
    entries = read_annotations(path, "a list of files with boxes")
    try:
        return [_boxed_image(path.parent / "images", entry) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a list of files with boxes ({one_line(error)})") from error


def _boxed_image(images: Path, entry: Mapping[str, Any]) -> BoxedImage:
    objects = []
    for item in entry["boxes"]:
        x1, y1, x2, y2 = finite_numbers(item["xyxy"], 4)
        objects.append(BoxedObject(annotated_name(item["category"]), (x1, y1, x2, y2)))
    return BoxedImage(images / annotated_name(entry["file"]), tuple(objects))
