"""Where pictures come from: folders, with boxes or without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path

from whyframe_evaluation.annotations.boxed_images import BoxedImage, read_boxed_images
from whyframe_evaluation.annotations.boxes import group_by_image, read_boxes
from whyframe_evaluation.annotations.imagenet_classes import classes_of
from whyframe_evaluation.run.samples import Sample, load_sample
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.data import DataError, list_images, split

__all__ = ["Dataset", "ImageFolder", "check_one_folder", "find_image_folders", "gather"]

BOXES = "boxes.json"


@dataclass(frozen=True)
class ImageFolder:
    """A folder of pictures.

    Attributes:
        name: of the folder; no two sources of a study have the same.
        root: what the pictures' own names are relative to.
        images: the pictures.
        boxed: whether the folder has boxes: only pictures with one of the predicted class are of use then.
    """

    name: str
    root: Path
    images: tuple[BoxedImage, ...]
    boxed: bool

    def key(self, path: Path) -> str:
        """A name for a picture that no other picture of the study has."""
        return f"{self.name}/{path.relative_to(self.root).as_posix()}"


@dataclass(frozen=True)
class Dataset:
    """Pictures to explain.

    Attributes:
        subjects: one of each source in turn, so that the first few are of all sources.
        left_out: pictures of boxed folders that have no box of the class that the classifier predicts.
        unknown: categories of boxes that no class of the classifier is an object of.
    """

    subjects: list[Sample]
    left_out: int
    unknown: list[str]


def find_image_folders(
    folders: Sequence[Path], boxes: Path | None = None, held_out: int | None = None
) -> list[ImageFolder]:
    """The pictures of folders; one with ``boxes.json`` and ``images/`` gives its boxes, too.

    Args:
        folders: of images.
        boxes: of the one folder: a COCO JSON or VOC XML file, or a folder of VOC XML or YOLO text files.
        held_out: of a folder without boxes, only the so many that `whyframe train --validation` keeps.

    Raises:
        DataError: a folder that is missing or holds too few images, boxes that cannot be read or whose folder is not
            clear.
    """
    if boxes is not None:
        check_one_folder("--boxes", boxes, folders)
    found: list[ImageFolder] = []
    for folder in folders:
        name = _unlike(folder.resolve().name, [source.name for source in found])
        found.append(_source(name, folder, boxes, held_out))
    return found


def check_one_folder(option: str, path: Path, folders: Sequence[object]) -> None:
    """Annotations name pictures of one folder.

    Raises:
        DataError: there are more.
    """
    if len(folders) != 1:
        raise DataError(f"{option} {path} belongs to one folder: give one --data, or run once for each.")


def _source(name: str, folder: Path, boxes: Path | None, held_out: int | None) -> ImageFolder:
    if boxes is not None:
        images = group_by_image(read_boxes(boxes, folder), folder)
        return ImageFolder(name, folder, tuple(images), True)
    if (folder / BOXES).is_file():
        return ImageFolder(name, folder / "images", tuple(read_boxed_images(folder)), True)
    paths = list_images(folder)
    kept = paths if held_out is None else split(paths, held_out)[1]
    return ImageFolder(name, folder, tuple(BoxedImage(path, ()) for path in kept), False)


def _unlike(name: str, others: Sequence[str]) -> str:
    numbered = chain([name], (f"{name}-{index}" for index in range(2, len(others) + 3)))
    return next(one for one in numbered if one not in others)


def gather(sources: Sequence[ImageFolder], classifier: Classifier, limit: int | None = None) -> Dataset:
    """Reads the pictures and asks the classifier what they show.

    Args:
        sources: the folders.
        classifier: that is explained.
        limit: of pictures from each source.
    """
    objects = (one for source in sources for image in source.images for one in image.objects)
    categories = sorted({one.category for one in objects})
    classes = {name: classes_of(name, classifier.labels) for name in categories}
    left_out: list[str] = []
    each = [list(islice(_useful(source, classifier, classes, left_out), limit)) for source in sources]
    turns = chain.from_iterable(zip_longest(*each))
    return Dataset(
        [subject for subject in turns if subject is not None],
        len(left_out),
        [name for name in categories if not classes[name]],
    )


def _useful(
    source: ImageFolder, classifier: Classifier, classes: Mapping[str, frozenset[int]], left_out: list[str]
) -> Iterator[Sample]:
    for image in source.images:
        subject = load_sample(image, classifier, source.key(image.path), classes)
        if source.boxed and not subject.boxes:
            left_out.append(subject.file)
        else:
            yield subject
