"""ImageNet classes of the object categories of COCO and Pascal VOC."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["IMAGENET_CLASSES", "VOC_NAMES", "classes_of"]

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
"""ImageNet-1k class ids by category name: COCO's names that have a class, and ``"kangaroo"``.

A range includes every class of a family, such as the breeds of dogs.
"""

VOC_NAMES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
"""COCO category name by the Pascal VOC name, where the two differ."""


def classes_of(category: str, labels: Sequence[str]) -> frozenset[int]:
    """Return the classes of a classifier that belong to an object category.

    For ImageNet-1k labels and a category of `IMAGENET_CLASSES`, under its COCO or VOC name, these are the classes of
    that table. Otherwise they are the classes whose label is the category name, ignoring case; a label may list
    synonyms, separated by commas.

    Args:
        category: Category name of the boxes.
        labels: Label of each class, in the order of the class ids.

    Returns:
        Class ids; empty where no class belongs to the category.
    """
    name = category.strip().casefold()
    coco_name = VOC_NAMES.get(name, name)
    if _is_imagenet(labels) and coco_name in IMAGENET_CLASSES:
        return IMAGENET_CLASSES[coco_name]
    synonyms = ({word.strip() for word in label.casefold().split(",")} for label in labels)
    return frozenset(class_id for class_id, words in enumerate(synonyms) if name in words)


def _is_imagenet(labels: Sequence[str]) -> bool:
    return len(labels) == 1000 and "zebra" in labels[340].casefold()
