from pathlib import Path

import pytest

from helpers.keypoint_file import write_keypoints
from whyframe_evaluation.run.dataset import find_image_folders
from whyframe_evaluation.run.part_keypoints import find_keypoints
from whyframe_training.data import DataError


def test_keypoints_have_the_names_of_the_samples(photos: Path, boxed: Path, tmp_path: Path) -> None:
    path = write_keypoints(tmp_path / "keypoints.json", files=("./0.png", "1.png"))
    found = find_keypoints(path, find_image_folders([photos]))
    assert [point.file for point in found] == ["photos/0.png"] * 2 + ["photos/1.png"] * 2
    assert find_keypoints(path, find_image_folders([boxed]))[0].file == "boxed/0.png"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": ("eye", "nose")}, "shows no feet: no visible part has foot or"),
        ({"parts": ("nose", "paw")}, "shows no eyes: no visible part has eye in"),
        ({"files": ("0.png", "gone.png")}, r"names gone\.png, which is not in .*photos"),
        ({"files": (__file__,)}, r"names .*test_part_keypoints\.py, which is not in"),
    ],
)
def test_keypoints_that_cannot_be_compared_are_refused(
    photos: Path, tmp_path: Path, changes: dict, message: str
) -> None:
    path = write_keypoints(tmp_path / "keypoints.json", **changes)
    with pytest.raises(DataError, match=message):
        find_keypoints(path, find_image_folders([photos]))


def test_keypoints_belong_to_one_folder(photos: Path, boxed: Path, tmp_path: Path) -> None:
    path = write_keypoints(tmp_path / "keypoints.json")
    with pytest.raises(DataError, match=r"--keypoints .* belongs to one folder: give a single --data"):
        find_keypoints(path, find_image_folders([photos, boxed]))
