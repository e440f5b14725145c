from pathlib import Path

import numpy as np
import pytest

from whyframe.input_spec import InputSpec
from whyframe_training.data import DataError, list_images, split
from whyframe_training.joint.labelled import LabelledCrops, read_labelled, split_labelled


def write_csv(path: Path, *rows: str, header: str = "file,class") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_sub_folders_are_the_classes(data: Path) -> None:
    (data / "red" / "deeper").mkdir()
    (data / "red" / "0.png").rename(data / "red" / "deeper" / "0.png")
    labelled = read_labelled(data)
    assert labelled.labels == ("blue", "green", "grey", "red", "white")
    assert list(labelled.paths) == list_images(data)
    for path, class_id in zip(labelled.paths, labelled.class_ids, strict=True):
        assert path.relative_to(data).parts[0] == labelled.labels[class_id]
    assert labelled.counts() == dict.fromkeys(labelled.labels, 6)


def test_a_csv_file_names_the_classes_and_leaves_out_the_rest(data: Path, tmp_path: Path) -> None:
    classes = write_csv(
        tmp_path / "c.csv",
        "red/1.png,warm,by hand",
        "blue/0.png, cold ,",
        "red/0.png,warm,",
        header="file,class,note",
    )
    labelled = read_labelled(data, classes)
    assert labelled.labels == ("cold", "warm")
    assert [str(p.relative_to(data)) for p in labelled.paths] == ["blue/0.png", "red/0.png", "red/1.png"]
    assert labelled.class_ids == (0, 1, 1)


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["red/9.png,warm", "blue/0.png,cold"], "file,class", "names .*9.png, which is not below"),
        (["red/0.png,warm"], "file,class", "two classes, got 1"),
        (["red/0.png,warm", "red/0.png,cold"], "file,class", "gives 0.png no class, or two"),
        (["red/0.png,", "blue/0.png,cold"], "file,class", "gives 0.png no class, or two"),
        (["red/0.png,warm"], "name,label", "columns `file` and `class`"),
        (["red/0.png"], "file,class", "columns `file` and `class` in every row"),
    ],
)
def test_a_csv_file_that_is_wrong_says_where(
    data: Path, tmp_path: Path, rows: list[str], header: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_labelled(data, write_csv(tmp_path / "c.csv", *rows, header=header))


def test_an_image_without_a_class_is_reported(data: Path, tmp_path: Path) -> None:
    (data / "red" / "0.png").rename(data / "loose.png")
    with pytest.raises(DataError, match=r"loose.png lies in no sub-folder .* --classes"):
        read_labelled(data)
    with pytest.raises(DataError, match="cannot be read"):
        read_labelled(data, tmp_path / "none.csv")


def test_joint_and_plain_runs_hold_out_the_same_images(data: Path, tmp_path: Path) -> None:
    everything = list_images(data)
    kept = set(split(everything, 12)[1])
    rows = [f"{p.relative_to(data)},{p.parent.name}" for p in everything if p.parent.name in ("red", "blue")]
    labelled = read_labelled(data, write_csv(tmp_path / "c.csv", *rows))
    train, held_out = split_labelled(data, labelled, 12)
    assert set(held_out.paths) == kept & set(labelled.paths)
    assert set(train.paths) == set(labelled.paths) - kept
    assert train.labels == held_out.labels == labelled.labels


def test_a_class_must_be_there_to_train_on_and_something_to_validate_on(data: Path, tmp_path: Path) -> None:
    train, kept = split(list_images(data), 5)
    lone = write_csv(
        tmp_path / "a.csv", f"{kept[0].relative_to(data)},rare", f"{train[0].relative_to(data)},often"
    )
    with pytest.raises(DataError, match="'rare' has no image to train on"):
        split_labelled(data, read_labelled(data, lone), 5)
    rows = [f"{p.relative_to(data)},{'ab'[i % 2]}" for i, p in enumerate(train[:4])]
    with pytest.raises(DataError, match="no labelled image is kept"):
        split_labelled(data, read_labelled(data, write_csv(tmp_path / "b.csv", *rows)), 5)


def test_classes_are_those_of_the_crops(data: Path) -> None:
    """The expected class of a crop is that of the image with the nearest colour."""
    import cv2

    labelled = read_labelled(data)
    crops = LabelledCrops(labelled, InputSpec.square(32), seed=3)
    crops.augment = type(crops.augment)(brightness=0.0, contrast=0.0)
    colours = [cv2.imread(str(data / label / "0.png"))[..., ::-1].mean((0, 1)) for label in labelled.labels]
    samples = range(20, 80)  # over the end of two epochs
    found = [crops[sample].numpy().mean((0, 1)) for sample in samples]
    nearest = [int(np.argmin([np.abs(crop - colour).sum() for colour in colours])) for crop in found]
    assert crops.classes(samples).tolist() == nearest
    assert len(set(nearest)) == 5
