import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from whyframe_evaluation.annotations.boxes import BoxRow, group_by_image, read_boxes
from whyframe_training.data import DataError

DOG = BoxRow("a.png", "dog", 10, 5, 30, 15)
CAT = BoxRow("b.png", "cat", 0, 0, 40, 20, True)

VOC = """<annotation><filename>{file}</filename><object><name>{name}</name><difficult>{difficult}</difficult>
<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object></annotation>"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.zeros((20, 40, 3), np.uint8))
    return folder


def coco() -> dict:
    return {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
        "annotations": [
            {"image_id": 1, "category_id": 18, "bbox": [10, 5, 20, 10]},
            {"image_id": 2, "category_id": 17, "bbox": [0, 0, 40, 20], "iscrowd": 1},
        ],
    }


def write_voc(folder: Path, name: str, row: BoxRow) -> None:
    text = VOC.format(
        file=row.file,
        name=row.category,
        difficult=int(row.difficult),
        x1=row.x1 + 1,
        y1=row.y1 + 1,
        x2=row.x2,
        y2=row.y2,
    )
    (folder / name).write_text(text)


def test_three_forms_give_the_same_rows(tmp_path: Path, images: Path) -> None:
    (tmp_path / "coco.json").write_text(json.dumps(coco()))
    voc, yolo = tmp_path / "voc", tmp_path / "yolo"
    voc.mkdir()
    yolo.mkdir()
    write_voc(voc, "a.xml", DOG)
    write_voc(voc, "b.xml", CAT)
    (yolo / "a.txt").write_text("1 0.5 0.5 0.5 0.5\n\n")
    (yolo / "b.txt").write_text("0 0.5 0.5 1 1\n")
    (yolo / "classes.txt").write_text("cat\ndog\n")
    assert read_boxes(tmp_path / "coco.json", images) == [DOG, CAT]
    assert read_boxes(voc, images) == [DOG, CAT]
    # YOLO marks no object as difficult
    assert read_boxes(yolo, images) == [DOG, CAT._replace(difficult=False)]


def test_a_folder_with_boxes_json_is_read(tmp_path: Path, images: Path) -> None:
    entry = {"file": "a.png", "boxes": [{"category": "dog", "xyxy": [10, 5, 30, 15]}]}
    (tmp_path / "boxes.json").write_text(json.dumps([entry]))
    assert read_boxes(tmp_path, images) == [DOG]


def test_rows_are_grouped_by_image(images: Path) -> None:
    second = DOG._replace(x1=12)
    first, other = group_by_image([DOG, CAT, second], images)
    assert first.path == images / "a.png"
    assert first.objects == (("dog", DOG.box, False), ("dog", second.box, False))
    assert first.boxes_of(207) == [DOG.box, second.box]
    assert other.objects == (("cat", CAT.box, True),)


def test_difficult_objects_count_only_where_another_object_is_not_difficult(images: Path) -> None:
    (alone,) = group_by_image([CAT], images)
    assert alone.boxes_of(281) == []
    easy = CAT._replace(x2=20, difficult=False)
    (both,) = group_by_image([CAT, easy], images)
    assert both.boxes_of(281) == [CAT.box, easy.box]


def test_one_voc_file_can_be_read_alone(tmp_path: Path, images: Path) -> None:
    write_voc(tmp_path, "a.xml", DOG)
    assert read_boxes(tmp_path / "a.xml", images) == [DOG]
    with pytest.raises(DataError, match=r"no such file or folder .*gone\.json"):
        read_boxes(tmp_path / "gone.json", images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, "is not a COCO JSON"),
        ({"categories": []}, "is not a COCO JSON"),
        (
            {"images": [{"id": i, "file_name": "gone.png"} for i in (1, 2)]},
            r"names gone\.png, which is not in",
        ),
        (
            {"annotations": [{"image_id": 1, "category_id": 18, "bbox": [1, 1, 0, 5]}]},
            "of 'dog' in a.png is empty",
        ),
        ({"annotations": [{"image_id": 1, "category_id": 18, "bbox": [1, 1]}]}, "is not a COCO JSON"),
    ],
)
def test_broken_coco_files_are_named(tmp_path: Path, images: Path, change: dict, message: str) -> None:
    (tmp_path / "coco.json").write_text(json.dumps(coco() | change))
    with pytest.raises(DataError, match=message):
        read_boxes(tmp_path / "coco.json", images)


@pytest.mark.parametrize(
    "text", ["<annotation>", "<a/>", VOC.format(file="a.png", name="", difficult=0, x1=1, y1=1, x2=2, y2=2)]
)
def test_broken_voc_files_are_named(tmp_path: Path, images: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=r"a\.xml is not a Pascal VOC XML"):
        read_boxes(tmp_path, images)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.5", "line 1: five numbers are needed"),
        ("2 0.5 0.5 0.5 0.5", "line 1: class 2 has no name: classes.txt has 2 names"),
        ("0 50 0.5 0.5 0.5", "line 1: x, y, width and height must be shares"),
        ("dog 0.5 0.5 0.5 0.5", "line 1: invalid literal"),
    ],
)
def test_broken_yolo_lines_are_named(tmp_path: Path, images: Path, line: str, message: str) -> None:
    folder = tmp_path / "yolo"
    folder.mkdir()
    (folder / "a.txt").write_text(line)
    (folder / "classes.txt").write_text("cat\ndog\n")
    with pytest.raises(DataError, match=rf"a\.txt, {message}"):
        read_boxes(folder, images)


def test_missing_boxes_categories_and_images_are_named(tmp_path: Path, images: Path) -> None:
    folder = tmp_path / "yolo"
    folder.mkdir()
    with pytest.raises(DataError, match=r"no boxes in .*yolo"):
        read_boxes(folder, images)
    (folder / "c.txt").write_text("0 0.5 0.5 1 1")
    with pytest.raises(DataError, match=r"no .*classes\.txt"):
        read_boxes(folder, images)
    (folder / "classes.txt").write_text("cat")
    with pytest.raises(DataError, match=r"c\.txt has no image c\.\*"):
        read_boxes(folder, images)


def coco_with(key: str, value: object) -> dict[str, list[dict[str, object]]]:
    """Return a COCO file with one box, one value replaced."""
    image = {"id": 1, "file_name": "a.jpg"}
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    data = {"images": [image], "categories": [{"id": 1, "name": "cat"}], "annotations": [box]}
    part = "annotations" if key in box else "categories" if key == "name" else "images"
    data[part][0][key] = value
    return data


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[]",
        "3",
        *(
            json.dumps(coco_with(*change))
            for change in (
                ("name", 3),
                ("name", "x" * 100_000),
                ("name", ""),
                ("file_name", 3),
                ("file_name", "x" * 300),
                ("file_name", "a\0b"),
                ("file_name", "\ud800"),
                ("bbox", [0, 0, float("inf"), 1]),
                ("bbox", [0, 0, 1e300, 1]),
                ("bbox", [0, 0, True, 1]),
                ("bbox", "1234"),
                ("bbox", [0, 0, 1]),
                ("image_id", [1]),
                ("category_id", "x" * 100_000),
            )
        ),
    ],
)
def test_coco_of_wrong_types_or_giant_values_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "coco.json").write_text(text)
    with pytest.raises(DataError) as caught:
        read_boxes(tmp_path / "coco.json", tmp_path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 700


BOX = '[{"file": "a", "boxes": [{"category": "b", "xyxy": [1, 2, 3, 4]}]}]'


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "3",
        BOX.replace('"a"', "3"),
        BOX.replace('"b"', "3"),
        BOX.replace("4]", "1e400]"),
        BOX.replace("4]", '"4"]'),
        BOX.replace("4]", "1e300]"),
    ],
)
def test_boxes_json_of_wrong_types_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(DataError) as caught:
        read_boxes(tmp_path, tmp_path)
    assert len(str(caught.value).splitlines()) == 1
