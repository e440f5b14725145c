import json
from pathlib import Path

import pytest

from whyframe_evaluation.annotations.keypoints import Keypoint, read_coco_keypoints
from whyframe_training.data import DataError


def coco(keypoints: list[float]) -> dict:
    return {
        "images": [{"id": 7, "file_name": "a.jpg"}],
        "categories": [{"id": 3, "name": "tiger", "keypoints": ["left_eye", "right_eye", "foot"]}],
        "annotations": [{"image_id": 7, "category_id": 3, "keypoints": keypoints}],
    }


def test_only_visible_keypoints_are_read(tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    path.write_text(json.dumps(coco([5, 6, 2, 8, 9, 1, 0, 0, 0])))
    assert read_coco_keypoints(path) == [Keypoint("a.jpg", "tiger", "left_eye", 5, 6)]


@pytest.mark.parametrize("data", ["{", "[]", json.dumps(coco([5, 6])), json.dumps(coco([5, 6, 2]))])
def test_a_file_of_another_form_is_refused(tmp_path: Path, data: str) -> None:
    path = tmp_path / "parts.json"
    path.write_text(data)
    with pytest.raises(DataError, match="is not a COCO JSON with keypoints"):
        read_coco_keypoints(path)


@pytest.mark.parametrize("name", ["none.json", "."])
def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{tmp_path / name} cannot be read .*: give a COCO JSON"):
        read_coco_keypoints(tmp_path / name)
