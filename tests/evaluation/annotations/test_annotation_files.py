from pathlib import Path

import pytest

from whyframe_evaluation.annotations.annotation_files import path_within, read_text
from whyframe_training.data import DataError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.png").touch()
    return folder


def test_text_is_read_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("é".encode())
    assert read_text(tmp_path / "a.txt") == "é"


def test_a_file_that_cannot_be_read_is_named_with_the_hint(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"none\.txt cannot be read \(No such file or directory\): look again"
    ):
        read_text(tmp_path / "none.txt", "look again")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"a\.txt is not a text file in UTF-8"):
        read_text(tmp_path / "a.txt")


def test_an_image_may_be_named_by_a_relative_or_an_absolute_path(images: Path) -> None:
    assert path_within(images, "a.png", "boxes.json") == "a.png"
    assert path_within(images, str(images / "a.png"), "boxes.json") == "a.png"


def test_an_image_may_be_a_link_to_a_file_elsewhere(images: Path) -> None:
    (images / "link.png").symlink_to(__file__)
    assert path_within(images, "link.png", "boxes.json") == "link.png"


@pytest.mark.parametrize("file", [__file__, "../images/a.png", "none.png"])
def test_an_image_outside_the_folder_is_refused(images: Path, file: str) -> None:
    with pytest.raises(DataError, match=r"boxes\.json names .*, which is not in "):
        path_within(images, file, "boxes.json")
