import json
from pathlib import Path

import pytest

from helpers.tiny_network import SIDE
from whyframe_evaluation.run.dataset import find_image_folders, load_dataset
from whyframe_training.data import DataError, list_images, split


def test_boxes_are_scaled_to_the_image_that_the_classifier_takes(classifier, boxed) -> None:
    (folder,) = find_image_folders([boxed])
    dataset = load_dataset([folder], classifier)
    assert [sample.file for sample in dataset.samples] == ["boxed/0.png", "boxed/2.png"]
    assert dataset.left_out == 1
    assert dataset.samples[0].boxes == ((0, SIDE / 2, SIDE / 2, SIDE),)
    assert dataset.samples[0].size == (50, 100)
    with pytest.raises(DataError):
        find_image_folders([boxed.parent / "none"])


def test_folders_take_turns_and_a_limit_counts_usable_images(classifier, boxed, photos) -> None:
    folders = find_image_folders([photos, boxed])
    files = [sample.file for sample in load_dataset(folders, classifier).samples]
    assert files == [
        "photos/0.png", "boxed/0.png", "photos/1.png", "boxed/2.png", "photos/2.png", "photos/3.png",
    ]  # fmt: skip
    limited = load_dataset(folders, classifier, 2)
    assert [sample.file for sample in limited.samples] == files[:4]


def test_folders_of_the_same_name_get_different_names(photos: Path) -> None:
    names = [folder.name for folder in find_image_folders([photos, photos, photos])]
    assert names == ["photos", "photos-2", "photos-3"]


def test_held_out_images_are_those_that_training_keeps(photos: Path, boxed: Path) -> None:
    plain, other = find_image_folders([photos, boxed], held_out=2)
    assert [image.path for image in plain.images] == split(list_images(photos), 2)[1]
    assert len(other.images) == 3
    with pytest.raises(DataError, match="cannot keep 4 of 4"):
        find_image_folders([photos], held_out=4)


def test_the_digest_is_of_image_class_and_boxes(classifier, photos, boxed) -> None:
    samples = load_dataset(find_image_folders([photos, boxed]), classifier).samples
    assert len({sample.digest for sample in samples}) == len(samples)
    again = load_dataset(find_image_folders([photos, boxed]), classifier).samples
    assert [sample.digest for sample in again] == [sample.digest for sample in samples]


def test_boxes_of_one_folder_are_read_from_a_file(classifier, boxed: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "instances.json"
    boxes.write_text(json.dumps({
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(3)],
        "categories": [{"id": 1, "name": "Thing"}, {"id": 2, "name": "other"}],
        "annotations": [
            {"image_id": 0, "category_id": 1, "bbox": [0, 25, 50, 25]},
            {"image_id": 0, "category_id": 2, "bbox": [10, 10, 20, 20]},
            {"image_id": 1, "category_id": 2, "bbox": [0, 25, 50, 25]},
            {"image_id": 2, "category_id": 1, "bbox": [0, 0, 100, 25], "iscrowd": 1},
        ],
    }))  # fmt: skip
    dataset = load_dataset(find_image_folders([boxed / "images"], boxes), classifier)
    (sample,) = dataset.samples
    assert (sample.file, sample.boxes) == ("images/0.png", ((0, SIDE / 2, SIDE / 2, SIDE),))
    assert (sample.category, sample.difficult) == ("Thing", False)  # it covers a quarter
    assert (dataset.left_out, dataset.unknown_categories) == (2, ["other"])


def test_a_small_object_among_others_is_difficult(classifier, boxed: Path) -> None:
    entries = json.loads((boxed / "boxes.json").read_text())
    for entry in entries:
        entry["boxes"][0]["xyxy"] = [0, 25, 49, 50]
    entries[0]["boxes"].append({"category": "other", "xyxy": [0, 0, 100, 50]})
    (boxed / "boxes.json").write_text(json.dumps(entries))
    samples = load_dataset(find_image_folders([boxed]), classifier).samples
    assert [sample.difficult for sample in samples] == [True, False]


def test_boxes_belong_to_one_folder(photos: Path, boxed: Path) -> None:
    with pytest.raises(DataError, match="belongs to one folder: give a single --data"):
        find_image_folders([photos, boxed], photos / "boxes.json")
