from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from whyframe.input_spec import InputSpec
from whyframe_training.data import (
    Augmentation,
    CropStream,
    DataError,
    list_images,
    load_frames,
    split,
    to_images,
    validation_count,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "sub").mkdir()
    for i in range(6):
        small = rng.integers(0, 256, (6, 8, 3), np.uint8)
        name = tmp_path / ("sub" if i % 2 else ".") / f"{i}.png"
        cv2.imwrite(str(name), cv2.resize(small, (80, 60)))
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_listing_is_sorted_and_searches_subfolders(folder: Path) -> None:
    found = list_images(folder)
    assert len(found) == 6
    assert found == sorted(found)


def test_missing_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        list_images(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no image in"):
        list_images(tmp_path)


def test_split_is_the_same_every_time_and_disjoint(folder: Path) -> None:
    images = list_images(folder)
    train, held = split(images, 2)
    assert (train, held) == split(images, 2)
    assert len(held) == 2
    assert sorted(train + held) == images
    with pytest.raises(DataError, match="choose fewer"):
        split(images, 6)


@pytest.mark.parametrize(
    ("images", "kept"), [(1500, 200), (800, 200), (799, 199), (64, 16), (8, 2), (4, 1), (2, 1)]
)
def test_the_validation_is_200_images_and_at_most_a_quarter_of_few(images: int, kept: int) -> None:
    assert validation_count(images) == kept
    paths = [Path(f"{index}.png") for index in range(images)]
    assert split(paths, None) == split(paths, kept)


def test_a_single_image_cannot_be_split() -> None:
    with pytest.raises(DataError, match="add images"):
        split([Path("a.png")], None)


def test_sample_k_depends_on_seed_and_k_alone(folder: Path) -> None:
    images = list_images(folder)
    first, second = (
        CropStream(images, InputSpec.square(32), seed=1),
        CropStream(images, InputSpec.square(32), seed=1),
    )
    second[3]  # what was read before does not matter
    assert torch.equal(first[7], second[7])
    assert not torch.equal(first[7], first[13]), "another epoch, another crop"
    assert not torch.equal(first[7], CropStream(images, InputSpec.square(32), seed=2)[7])


def test_resuming_at_a_sample_and_workers_change_nothing(folder: Path) -> None:
    stream = CropStream(list_images(folder), InputSpec.square(32), seed=0)
    complete = torch.cat(list(stream.batches(0, 12, 4)))
    assert torch.equal(complete[4:], torch.cat(list(stream.batches(4, 12, 4))))
    assert torch.equal(complete, torch.cat(list(stream.batches(0, 12, 4, workers=2))))


def test_an_epoch_takes_every_image_once(folder: Path) -> None:
    stream = CropStream(list_images(folder), InputSpec.square(32), seed=0)
    count = len(list_images(folder))
    first, second = (
        [stream.image_index(sample) for sample in range(k * count, (k + 1) * count)] for k in (0, 1)
    )
    assert sorted(first) == sorted(second) == list(range(count))
    assert first != second


def test_crops_are_rgb_and_square() -> None:
    red = np.zeros((60, 80, 3), np.uint8)
    red[..., 2] = 200
    crop = Augmentation(brightness=0, contrast=0)(red, InputSpec.square(32), np.random.default_rng(0))
    assert crop.shape == (32, 32, 3)
    assert crop[..., 0].min() == 200
    assert crop[..., 1:].max() == 0


def test_frames_become_channels_first_in_unit_range(folder: Path) -> None:
    frames = load_frames(list_images(folder)[:2], InputSpec.square(32))
    images = to_images(frames, torch.device("cpu"))
    assert images.shape == (2, 3, 32, 32)
    torch.testing.assert_close(images[1, 0], frames[1, ..., 0] / 255)
