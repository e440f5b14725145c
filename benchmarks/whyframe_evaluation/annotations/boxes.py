"""Boxes of other people's data sets: COCO JSON, Pascal VOC XML and YOLO text, as one list of rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from whyframe.preprocess import read_image
from whyframe_evaluation.annotations.imagenet import Box, BoxedImage, BoxedObject, read_boxed
from whyframe_training.data import DataError, list_images

__all__ = ["BoxRow", "boxed_images", "path_within", "read_boxes", "read_coco", "read_voc", "read_yolo"]

AnyPath = str | Path


class BoxRow(NamedTuple):
    """One object of one image.

    Attributes:
        file: the image's path below the image folder.
        category: the object's.
        x1: left edge in pixels of the file; 0 is the image's own.
        y1: top edge.
        x2: right edge; ``x2 - x1`` is the width.
        y2: bottom edge.
        difficult: VOC's own mark; COCO's mark of a crowd.
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


def read_boxes(annotations: AnyPath, images: AnyPath, names: Sequence[str] | None = None) -> list[BoxRow]:
    """The boxes of an image folder, whatever their form.

    Args:
        annotations: a COCO JSON or a VOC XML file; or a folder with VOC XML files, YOLO text files, or
            ``boxes.json``.
        images: the image folder.
        names: YOLO's categories in order; ``classes.txt`` beside its files unless given.

    Returns:
        One row an object, in the order of the files.

    Raises:
        DataError: nothing of a known form there, or a file that breaks its form; the message names it.
    """
    path = Path(annotations)
    if path.is_file():
        return (read_voc if path.suffix.lower() == ".xml" else read_coco)(path, images)
    if (path / "boxes.json").is_file():
        return _own(path)
    if any(path.glob("*.xml")):
        return read_voc(path, images)
    if any(path.glob("*.txt")):
        return read_yolo(path, images, names)
    if not path.exists():
        raise DataError(f"no such file or folder {path}: check the path of the boxes")
    raise DataError(
        f"no boxes in {path}: give a COCO .json or VOC .xml file, or a folder with .xml, YOLO .txt files or boxes.json"
    )


def boxed_images(rows: Iterable[BoxRow], images: AnyPath) -> list[BoxedImage]:
    """The rows gathered by image; objects keep the mark that they are difficult.

    Args:
        rows: as read.
        images: the image folder.
    """
    objects: dict[str, list[BoxedObject]] = {}
    for row in rows:
        objects.setdefault(row.file, []).append(BoxedObject(row.category, row.box, row.difficult))
    return [BoxedImage(Path(images) / file, tuple(ones)) for file, ones in objects.items()]


def path_within(images: AnyPath, file: str, source: AnyPath) -> str:
    """The path below the image folder of a picture that annotations name.

    Args:
        images: the folder.
        file: a path below it, or an absolute one of a picture in it.
        source: the annotations, for the message.

    Raises:
        DataError: the picture is not in the folder.
    """
    folder = Path(images).absolute()  # not resolved: pictures may be links
    path = folder / file
    if ".." in Path(file).parts or not (path.is_relative_to(folder) and path.is_file()):
        raise DataError(f"{source} names {file}, which is not in {images}")
    return path.relative_to(folder).as_posix()


def read_coco(path: AnyPath, images: AnyPath) -> list[BoxRow]:
    """A COCO JSON: ``bbox`` is x, y, width, height; a crowd is marked difficult.

    Raises:
        DataError: no such file, another form, or an image that is not in the folder.
    """
    try:
        rows = list(_coco_rows(json.loads(_text(path))))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not a COCO JSON with boxes ({error!r})") from error
    return _found(rows, images, path)


def _coco_rows(data: Mapping[str, Any]) -> Iterator[BoxRow]:
    files = {image["id"]: image["file_name"] for image in data["images"]}
    categories = {category["id"]: category["name"] for category in data["categories"]}
    for one in data["annotations"]:
        x, y, width, height = map(float, one["bbox"])
        crowd = bool(one.get("iscrowd", 0))
        category = categories[one["category_id"]]
        yield BoxRow(files[one["image_id"]], category, x, y, x + width, y + height, crowd)


def read_voc(annotations: AnyPath, images: AnyPath) -> list[BoxRow]:
    """A Pascal VOC XML file or a folder of them, whose boxes count from 1 and hold their last pixel.

    Raises:
        DataError: no such file, one of another form, or an image that is not in the folder.
    """
    rows: list[BoxRow] = []
    path = Path(annotations)
    for file in [path] if path.is_file() else _files(path, ".xml"):
        rows += _voc_file(file)
    return _found(rows, images, path)


def _voc_file(path: Path) -> list[BoxRow]:
    try:
        return list(_voc_rows(ElementTree.fromstring(_text(path))))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{path} is not a Pascal VOC XML with boxes ({error})") from error


def _voc_rows(root: ElementTree.Element) -> Iterator[BoxRow]:
    file = _field(root, "filename")
    for one in root.iter("object"):
        x1, y1, x2, y2 = (float(_field(one, f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax"))
        difficult = (one.findtext("difficult") or "0").strip() == "1"
        yield BoxRow(file, _field(one, "name"), x1 - 1, y1 - 1, x2, y2, difficult)


def _field(element: ElementTree.Element, path: str) -> str:
    text = element.findtext(path)
    if not text or not text.strip():
        raise LookupError(f"<{element.tag}> has no <{path}>")
    return text.strip()


def read_yolo(folder: AnyPath, images: AnyPath, names: Sequence[str] | None = None) -> list[BoxRow]:
    """A folder of YOLO text files, one for each image: ``class x y width height`` in shares of the image.

    Args:
        folder: of the text files.
        images: of the images, which say their sizes; an image without a file has no object.
        names: the categories in order; ``classes.txt`` in the folder unless given.

    Raises:
        DataError: no such file, a line of another form, a class without a name, or a file without its image.
    """
    categories = list(names) if names is not None else _yolo_names(Path(folder) / "classes.txt")
    by_stem = {path.stem: path for path in list_images(images)}
    rows: list[BoxRow] = []
    for path in _files(folder, ".txt"):
        if path.name == "classes.txt":
            continue
        if path.stem not in by_stem:
            raise DataError(f"{path} has no image {path.stem}.* in {images}")
        rows += _yolo_rows(path, by_stem[path.stem], Path(images), categories)
    return _found(rows, images, folder)


def _yolo_names(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"no {path}: put YOLO's category names there, one a line, or give them as names")
    return [line.strip() for line in _text(path).splitlines() if line.strip()]


def _yolo_rows(path: Path, image: Path, images: Path, categories: Sequence[str]) -> Iterator[BoxRow]:
    lines = [(number, line) for number, line in enumerate(_text(path).splitlines(), 1) if line.strip()]
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
        raise ValueError(f"class {index} has no name: there are {len(categories)}")
    if not all(0 <= value <= 1 for value in (x, y, w, h)):
        raise ValueError("x, y, width and height are shares of the image, between 0 and 1")
    return categories[index], x, y, w, h


def _own(folder: Path) -> list[BoxRow]:
    return [
        BoxRow(image.path.name, one.category, *one.box)
        for image in read_boxed(folder)
        for one in image.objects
    ]


def _files(folder: AnyPath, suffix: str) -> list[Path]:
    found = sorted(Path(folder).glob(f"*{suffix}"))
    if not found:
        raise DataError(f"no {suffix} file in {folder}")
    return found


def _text(path: AnyPath) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the path") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8") from error


def _found(rows: list[BoxRow], images: AnyPath, source: AnyPath) -> list[BoxRow]:
    """The rows, every one with its image and a box that has an area."""
    for row in rows:
        if not (row.x1 < row.x2 and row.y1 < row.y2):
            raise DataError(f"{source}: the box {row.box} of {row.category!r} in {row.file} is empty")
    return [row._replace(file=path_within(images, row.file, source)) for row in rows]
