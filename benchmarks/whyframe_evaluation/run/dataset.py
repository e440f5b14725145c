"""The images of an evaluation: folders, with annotated boxes or without."""

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

__all__ = ["Dataset", "ImageFolder", "check_one_folder", "find_image_folders", "load_dataset"]

BOXES = "boxes.json"


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images.

    Attributes:
        name: Name of the folder; unique within an evaluation.
        root: Folder that the images' names are relative to.
        images: The images, with their annotated objects.
        boxed: Whether the folder has boxes; only images with a box of the predicted class are evaluated then.
    """

    name: str
    root: Path
    images: tuple[BoxedImage, ...]
    boxed: bool

    def key(self, path: Path) -> str:
        """Return the name of an image that is unique within the evaluation."""
        return f"{self.name}/{path.relative_to(self.root).as_posix()}"


@dataclass(frozen=True)
class Dataset:
    """The samples of an evaluation.

    Attributes:
        samples: The samples, alternating between the folders, so that the first few samples are from all folders.
        left_out: Number of images of boxed folders without a box of the predicted class.
        unknown_categories: Categories of boxes that belong to no class of the classifier.
    """

    samples: list[Sample]
    left_out: int
    unknown_categories: list[str]


def find_image_folders(
    folders: Sequence[Path], boxes: Path | None = None, held_out: int | None = None
) -> list[ImageFolder]:
    """List the images of folders; a folder with ``boxes.json`` and ``images/`` has boxes.

    Args:
        folders: Folders of images.
        boxes: Boxes of the only folder: a COCO JSON or VOC XML file, or a folder of VOC XML or YOLO text files.
        held_out: Number of images that `whyframe train --validation` keeps; of folders without boxes, only these
            are listed. None for all images.

    Raises:
        DataError: A folder is missing or holds too few images, the boxes cannot be read, or there are boxes and
            several folders.
    """
    if boxes is not None:
        check_one_folder("--boxes", boxes, folders)
    found: list[ImageFolder] = []
    for folder in folders:
        name = _unique_name(folder.resolve().name, [other.name for other in found])
        found.append(_read_folder(name, folder, boxes, held_out))
    return found


def check_one_folder(option: str, path: Path, folders: Sequence[object]) -> None:
    """Check that there is exactly one folder, because annotations name the images of a single folder.

    Raises:
        DataError: There are several folders.
    """
    if len(folders) != 1:
        raise DataError(
            f"{option} {path} belongs to one folder: give a single --data, or run the command once for each folder."
        )


def _read_folder(name: str, folder: Path, boxes: Path | None, held_out: int | None) -> ImageFolder:
    if boxes is not None:
        images = group_by_image(read_boxes(boxes, folder), folder)
        return ImageFolder(name, folder, tuple(images), True)
    if (folder / BOXES).is_file():
        return ImageFolder(name, folder / "images", tuple(read_boxed_images(folder)), True)
    paths = list_images(folder)
    kept = paths if held_out is None else split(paths, held_out)[1]
    return ImageFolder(name, folder, tuple(BoxedImage(path, ()) for path in kept), False)


def _unique_name(name: str, taken: Sequence[str]) -> str:
    numbered = chain([name], (f"{name}-{index}" for index in range(2, len(taken) + 3)))
    return next(candidate for candidate in numbered if candidate not in taken)


def load_dataset(folders: Sequence[ImageFolder], classifier: Classifier, limit: int | None = None) -> Dataset:
    """Read the images and predict their classes.

    Args:
        folders: The folders.
        classifier: The network to explain.
        limit: Largest number of samples from each folder; None for all.

    Raises:
        SourceError: An image cannot be read.
    """
    objects = (item for folder in folders for image in folder.images for item in image.objects)
    categories = sorted({item.category for item in objects})
    classes = {name: classes_of(name, classifier.labels) for name in categories}
    left_out: list[str] = []
    samples_by_folder = [
        list(islice(_usable_samples(folder, classifier, classes, left_out), limit)) for folder in folders
    ]
    alternating = chain.from_iterable(zip_longest(*samples_by_folder))
    return Dataset(
        [sample for sample in alternating if sample is not None],
        len(left_out),
        [name for name in categories if not classes[name]],
    )


def _usable_samples(
    folder: ImageFolder, classifier: Classifier, classes: Mapping[str, frozenset[int]], left_out: list[str]
) -> Iterator[Sample]:
    """Yield the samples to evaluate; the names of the others are appended to `left_out`."""
    for image in folder.images:
        sample = load_sample(image, classifier, folder.key(image.path), classes)
        if folder.boxed and not sample.boxes:
            left_out.append(sample.file)
        else:
            yield sample
