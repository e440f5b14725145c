"""Boxes of data sets in COCO JSON, Pascal VOC XML and YOLO text, read as one list of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from whyframe.errors import one_line
from whyframe.images import read_image
from whyframe_evaluation.annotations.annotation_files import (
    AnyPath,
    annotated_name,
    finite_numbers,
    path_within,
    read_annotations,
    read_text,
)
from whyframe_evaluation.annotations.boxed_images import Box, BoxedImage, BoxedObject, read_boxed_images
from whyframe_training.data import DataError, list_images

__all__ = ["BoxRow", "group_by_image", "read_boxes", "read_coco", "read_voc", "read_yolo"]


_LARGEST_PIXEL = 1e9


class BoxRow(NamedTuple):
    """Object of an image, with the name of the file.

    Attributes:
        file: Path of the image file, relative to the image folder.
        category: Category name.
        x1: Left edge in pixels of the file; 0 is the left edge of the image.
        y1: Top edge in pixels of the file.
        x2: Right edge in pixels of the file; ``x2 - x1`` is the width.
        y2: Bottom edge in pixels of the file; ``y2 - y1`` is the height.
        difficult: Whether VOC marks the object as difficult, or COCO marks it as a crowd.
    """

    file: str
    category: str
    x1: float
    y1: float
    x2: float
    y2: float
    difficult: bool = False

    @property
    def box(self) -> Box:
        """(x1, y1, x2, y2)."""
        return self.x1, self.y1, self.x2, self.y2


def read_boxes(annotations: AnyPath, images: AnyPath) -> list[BoxRow]:
    """Read the boxes of an image folder in any known form.

    Args:
        annotations: COCO JSON file, VOC XML file, or a folder with VOC XML files, YOLO text files or ``boxes.json``.
        images: Image folder.

    Returns:
        One row per object, in the order of the files.

    Raises:
        DataError: There are no boxes in a known form, a file breaks its form, or an image is missing; the message
            names the file.
    """
    path = Path(annotations)
    if path.is_file():
        return (read_voc if path.suffix.lower() == ".xml" else read_coco)(path, images)
    if (path / "boxes.json").is_file():
        return _read_boxes_json(path)
    if any(path.glob("*.xml")):
        return read_voc(path, images)
    if any(path.glob("*.txt")):
        return read_yolo(path, images)
    if not path.exists():
        raise DataError(f"no such file or folder {path}: check the path of the boxes")
    raise DataError(
        f"no boxes in {path}: give a COCO .json or VOC .xml file, or a folder with .xml, YOLO .txt files or boxes.json"
    )


def group_by_image(rows: Iterable[BoxRow], images: AnyPath) -> list[BoxedImage]:
    """Group the rows by image.

    Args:
        rows: Rows as `read_boxes` returns them.
        images: Image folder.

    Returns:
        One item per image, in the order of the first row of each.
    """
    objects: dict[str, list[BoxedObject]] = {}
    for row in rows:
        objects.setdefault(row.file, []).append(BoxedObject(row.category, row.box, row.difficult))
    return [BoxedImage(Path(images) / file, tuple(own)) for file, own in objects.items()]


def read_coco(path: AnyPath, images: AnyPath) -> list[BoxRow]:
    """Read a COCO JSON file; a crowd is marked difficult.

    Args:
        path: File whose ``bbox`` entries are x, y, width and height in pixels.
        images: Image folder.

    Raises:
        DataError: The file cannot be read or has another form, a box is empty, or an image is not in the folder.
    """
    data = read_annotations(path, "a COCO JSON with boxes")
    try:
        rows = list(_coco_rows(data))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{path} is not a COCO JSON with boxes ({one_line(repr(error))})") from error
    return _checked(rows, images, path)


def _coco_rows(data: Mapping[str, Any]) -> Iterator[BoxRow]:
    files = {image["id"]: annotated_name(image["file_name"]) for image in data["images"]}
    categories = {category["id"]: annotated_name(category["name"]) for category in data["categories"]}
    for annotation in data["annotations"]:
        x, y, width, height = finite_numbers(annotation["bbox"], 4)
        crowd = bool(annotation.get("iscrowd", 0))
        category = categories[annotation["category_id"]]
        yield BoxRow(files[annotation["image_id"]], category, x, y, x + width, y + height, crowd)


def read_voc(annotations: AnyPath, images: AnyPath) -> list[BoxRow]:
    """Read a Pascal VOC XML file, or a folder of such files.

    Args:
        annotations: File or folder. VOC counts pixels from 1, and its box includes the last pixel.
        images: Image folder.

    Raises:
        DataError: A file cannot be read or has another form, a box is empty, or an image is not in the folder.
    """
    rows: list[BoxRow] = []
    path = Path(annotations)
    for file in [path] if path.is_file() else _list_files(path, ".xml"):
        rows += _voc_file(file)
    return _checked(rows, images, path)


def _voc_file(path: Path) -> list[BoxRow]:
    text = read_text(path)
    try:
        return list(_voc_rows(ElementTree.fromstring(text)))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{path} is not a Pascal VOC XML with boxes ({error})") from error


def _voc_rows(root: ElementTree.Element) -> Iterator[BoxRow]:
    file = _field(root, "filename")
    for item in root.iter("object"):
        x1, y1, x2, y2 = (float(_field(item, f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax"))
        difficult = (item.findtext("difficult") or "0").strip() == "1"
        yield BoxRow(file, _field(item, "name"), x1 - 1, y1 - 1, x2, y2, difficult)


def _field(element: ElementTree.Element, path: str) -> str:
    text = element.findtext(path)
    if not text or not text.strip():
        raise LookupError(f"<{element.tag}> has no <{path}>")
    return text.strip()


def read_yolo(folder: AnyPath, images: AnyPath) -> list[BoxRow]:
    """Read a folder of YOLO text files, named like the images.

    Each line is ``class x y width height``: the class counts from 0, and the centre and the size of the box are
    shares of the image in [0, 1]. ``classes.txt`` in the same folder names the categories, in order.

    Args:
        folder: Folder of the text files.
        images: Image folder; the images give the sizes, and an image without a text file has no object.

    Raises:
        DataError: A file is missing, a line has another form, a class has no name, or a file has no image.
    """
    categories = _yolo_categories(Path(folder) / "classes.txt")
    by_stem = {path.stem: path for path in list_images(images)}
    rows: list[BoxRow] = []
    for path in _list_files(folder, ".txt"):
        if path.name == "classes.txt":
            continue
        if path.stem not in by_stem:
            raise DataError(f"{path} has no image {path.stem}.* in {images}")
        rows += _yolo_rows(path, by_stem[path.stem], Path(images), categories)
    return _checked(rows, images, folder)


def _yolo_categories(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"no {path}: write the YOLO category names there, one per line")
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def _yolo_rows(path: Path, image: Path, images: Path, categories: Sequence[str]) -> Iterator[BoxRow]:
    lines = [(number, line) for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]
    if not lines:
        return
    height, width = read_image(image).shape[:2]
    for number, line in lines:
        try:
            category, x, y, w, h = _yolo_line(line, categories)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}") from error
        box = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
        yield BoxRow(image.relative_to(images).as_posix(), category, *box)


def _yolo_line(line: str, categories: Sequence[str]) -> tuple[str, float, float, float, float]:
    fields = line.split()
    if len(fields) != 5:
        raise ValueError(f"five numbers are needed (class x y width height), not {len(fields)}")
    index, (x, y, w, h) = int(fields[0]), map(float, fields[1:])
    if not 0 <= index < len(categories):
        raise ValueError(f"class {index} has no name: classes.txt has {len(categories)} names")
    if not all(0 <= value <= 1 for value in (x, y, w, h)):
        raise ValueError("x, y, width and height must be shares of the image, between 0 and 1")
    return categories[index], x, y, w, h


def _read_boxes_json(folder: Path) -> list[BoxRow]:
    return [
        BoxRow(image.path.name, item.category, *item.box)
        for image in read_boxed_images(folder)
        for item in image.objects
    ]


def _list_files(folder: AnyPath, suffix: str) -> list[Path]:
    found = sorted(Path(folder).glob(f"*{suffix}"))
    if not found:
        raise DataError(f"no {suffix} file in {folder}: check the path of the boxes")
    return found


def _checked(rows: list[BoxRow], images: AnyPath, source: AnyPath) -> list[BoxRow]:
    """Return the rows with paths relative to the image folder.

    Raises:
        DataError: A box is empty, or an image is not in the folder.
    """
    for row in rows:
        if not all(abs(edge) <= _LARGEST_PIXEL for edge in row.box):  # inf and nan too
            raise DataError(f"{source}: the box {row.box} of {row.category!r:.80} is not in pixels")
        if not (row.x1 < row.x2 and row.y1 < row.y2):
            raise DataError(
                f"{source}: the box {row.box} of {row.category!r:.80} in {row.file:.200} is empty"
            )
    return [row._replace(file=path_within(images, row.file, source)) for row in rows]
