import json
from pathlib import Path

import pytest

from whyframe_evaluation.annotations.imagenet import (
    IMAGENET_CLASSES,
    VOC_NAMES,
    BoxedImage,
    BoxedObject,
    classes_of,
    read_boxed,
)
from whyframe_training.data import DataError


def test_boxes_of_the_class_that_was_seen(tmp_path: Path) -> None:
    objects = [{"category": "dog", "xyxy": [1, 2, 3, 4]}, {"category": "person", "xyxy": [0, 0, 9, 9]}]
    (tmp_path / "boxes.json").write_text(json.dumps([{"file": "a.jpg", "boxes": objects}]))
    (image,) = read_boxed(tmp_path)
    assert image.path == tmp_path / "images" / "a.jpg"
    assert image.boxes_of(207) == [(1, 2, 3, 4)]
    assert image.boxes_of(285) == []


def test_objects_that_are_all_marked_difficult_do_not_count() -> None:
    plain, hard = BoxedObject("dog", (1, 2, 3, 4)), BoxedObject("dog", (5, 6, 7, 8), difficult=True)
    assert BoxedImage(Path("a.jpg"), (hard, hard)).objects_of(207) == []
    assert BoxedImage(Path("a.jpg"), (hard, plain)).objects_of(207) == [hard, plain]


def test_classes_belong_to_the_categories_by_name() -> None:
    meta = pytest.importorskip("torchvision.models._meta")
    names = meta._IMAGENET_CATEGORIES
    for category, word in {
        "zebra": "zebra",
        "pizza": "pizza",
        "umbrella": "umbrella",
        "banana": "banana",
    }.items():
        assert [names[i] for i in IMAGENET_CLASSES[category]] == [word]
    assert {names[i] for i in IMAGENET_CLASSES["cat"]} >= {"tabby", "Egyptian cat"}
    assert names[min(IMAGENET_CLASSES["dog"])] == "Chihuahua"
    assert names[max(IMAGENET_CLASSES["dog"])] == "Mexican hairless"


def test_categories_of_imagenet_are_those_of_the_table() -> None:
    meta = pytest.importorskip("torchvision.models._meta")
    names = meta._IMAGENET_CATEGORIES
    assert classes_of("zebra", names) == {340}
    assert classes_of("Dog", names) == IMAGENET_CLASSES["dog"]
    assert classes_of("aeroplane", names) == IMAGENET_CLASSES["airplane"]
    assert classes_of("Goldfish", names) == {names.index("goldfish")}  # not in the table: by its name
    assert classes_of("person", names) == frozenset()
    assert set(VOC_NAMES.values()) <= set(IMAGENET_CLASSES)


def test_categories_of_other_classifiers_go_by_name() -> None:
    labels = ["cat", "Zebra, Equus", "dog ", "zebra"]
    assert classes_of("zebra", labels) == {1, 3}
    assert classes_of(" DOG", labels) == {2}
    assert classes_of("equus", labels) == {1}
    assert classes_of("horse", labels) == frozenset()


@pytest.mark.parametrize("text", ["{", '[{"file": 1}]', '{"a": 1}'])
def test_other_forms_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(DataError, match="is not a list of files with boxes"):
        read_boxed(tmp_path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no .*boxes\.json"):
        read_boxed(tmp_path)
