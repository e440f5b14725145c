"""Photographs with boxes, and which ImageNet classes are an object of a COCO category."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from whyframe_training.data import DataError

# ImageNet-1k ids of each COCO category that has any; ranges where a whole family belongs.
IMAGENET_CLASSES: dict[str, frozenset[int]] = {
    category: frozenset(ids)
    for category, ids in {
        "airplane": [404, 895],
        "apple": [948],
        "backpack": [414],
        "banana": [954],
        "bear": range(294, 298),
        "bed": [520, 564, 669, 750],
        "bench": [703],
        "bicycle": [444, 671, 870],
        "bird": [*range(7, 25), *range(80, 101), *range(127, 147)],
        "boat": [472, 484, 554, 576, 625, 724, 780, 814, 871, 914],
        "book": [917, 921],
        "bottle": [440, 720, 737, 898, 899, 901, 907],
        "bowl": [659, 809],
        "broccoli": [937],
        "bus": [654, 779, 874],
        "car": [407, 436, 468, 511, 609, 627, 656, 661, 705, 717, 734, 751, 817],
        "cat": range(281, 286),
        "cell phone": [487],
        "chair": [423, 559, 765, 857],
        "clock": [409, 530, 826, 892],
        "couch": [831],
        "cow": [345, 346, 347],
        "cup": [504, 967, 968, 969],
        "dining table": [532],
        "dog": range(151, 269),
        "elephant": [101, 385, 386],
        "hair drier": [589],
        "handbag": [748],
        "horse": [339, 603],
        "hot dog": [934],
        "kangaroo": [104],
        "keyboard": [508, 810],
        "knife": [499, 623],
        "laptop": [620, 681],
        "microwave": [651],
        "motorcycle": [665, 670],
        "mouse": [673],
        "orange": [950],
        "oven": [766, 827],
        "parking meter": [704],
        "pizza": [963],
        "potted plant": [738],
        "refrigerator": [760],
        "remote": [761],
        "sandwich": [933],
        "sheep": [348, 349],
        "sink": [896],
        "skis": [795],
        "spoon": [910],
        "sports ball": [522, 722, 768, 805, 852],
        "stop sign": [919],
        "teddy bear": [850],
        "tennis racket": [752],
        "tie": [906],
        "toaster": [859],
        "toilet": [861, 999],
        "traffic light": [920],
        "train": [466, 547, 565, 705, 820, 829],
        "truck": [555, 569, 656, 675, 717, 734, 864, 867],
        "tv": [664, 782, 851],
        "umbrella": [879],
        "vase": [883],
        "wine glass": [572, 966],
        "zebra": [340],
    }.items()
}

Box = tuple[float, float, float, float]

# Pascal VOC's names of categories that COCO calls otherwise.
VOC_NAMES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


def classes_of(category: str, labels: Sequence[str]) -> frozenset[int]:
    """The classes of a classifier that are objects of a category.

    `IMAGENET_CLASSES` where the labels are ImageNet-1k's and the category is COCO's (or VOC's of another name); else
    every class whose label, or one of its synonyms between commas, is the category's name, whatever the case.

    Args:
        category: of boxes.
        labels: of the classes, in order.
    """
    name = category.strip().casefold()
    known = VOC_NAMES.get(name, name)
    if _is_imagenet(labels) and known in IMAGENET_CLASSES:
        return IMAGENET_CLASSES[known]
    synonyms = (label.casefold().split(",") for label in labels)
    return frozenset(i for i, ones in enumerate(synonyms) if name in {one.strip() for one in ones})


def _is_imagenet(labels: Sequence[str]) -> bool:
    return len(labels) == 1000 and "zebra" in labels[340].casefold()


class BoxedObject(NamedTuple):
    """One object of a photograph.

    Attributes:
        category: its.
        box: (x1, y1, x2, y2) in pixels of the file.
        difficult: marked so by the data set.
    """

    category: str
    box: Box
    difficult: bool = False


@dataclass(frozen=True)
class BoxedImage:
    """A photograph and its objects.

    Attributes:
        path: the image file.
        objects: in the order of the annotations.
    """

    path: Path
    objects: tuple[BoxedObject, ...]

    def objects_of(
        self, class_id: int, classes: Mapping[str, frozenset[int]] = IMAGENET_CLASSES
    ) -> list[BoxedObject]:
        """The objects that a class names; none where all of them are marked difficult (VOC's rule).

        Args:
            class_id: of the classifier.
            classes: of each category.
        """
        own = [one for one in self.objects if class_id in classes.get(one.category, ())]
        return [] if all(one.difficult for one in own) else own

    def boxes_of(self, class_id: int) -> list[Box]:
        """The boxes of the objects that an ImageNet class names."""
        return [one.box for one in self.objects_of(class_id)]


def read_boxed(folder: str | Path) -> list[BoxedImage]:
    """The images of a folder that holds `boxes.json` and `images/`.

    Raises:
        DataError: no such file, or one of another form.
    """
    path = Path(folder) / "boxes.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [
            BoxedImage(
                path.parent / "images" / entry["file"],
                tuple(BoxedObject(one["category"], tuple(one["xyxy"])) for one in entry["boxes"]),
            )
            for entry in entries
        ]
    except FileNotFoundError as error:
        raise DataError(f"no {path}: give a folder with boxes.json and images/") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a list of files with boxes ({error})") from error
