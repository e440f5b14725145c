import json
from pathlib import Path

import pytest

from whyframe_evaluation.annotations.boxed_images import BoxedImage, BoxedObject, read_boxed_images
from whyframe_training.data import DataError


def test_the_boxes_of_a_class_are_those_of_its_category(tmp_path: Path) -> None:
    objects = [{"category": "dog", "xyxy": [1, 2, 3, 4]}, {"category": "person", "xyxy": [0, 0, 9, 9]}]
    (tmp_path / "boxes.json").write_text(json.dumps([{"file": "a.jpg", "boxes": objects}]))
    (image,) = read_boxed_images(tmp_path)
    assert image.path == tmp_path / "images" / "a.jpg"
    assert image.boxes_of(207) == [(1, 2, 3, 4)]
    assert image.boxes_of(285) == []


def test_objects_that_are_all_marked_difficult_are_left_out() -> None:
    plain, hard = BoxedObject("dog", (1, 2, 3, 4)), BoxedObject("dog", (5, 6, 7, 8), difficult=True)
    assert BoxedImage(Path("a.jpg"), (hard, hard)).objects_of(207) == []
    assert BoxedImage(Path("a.jpg"), (hard, plain)).objects_of(207) == [hard, plain]


@pytest.mark.parametrize("text", ["{", '[{"file": 1}]', '{"a": 1}'])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(DataError, match="is not a list of files with boxes"):
        read_boxed_images(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no .*boxes\.json"):
        read_boxed_images(tmp_path)
