"""Images with classes, which are given by sub-folders or by a CSV file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from whyframe.input_spec import InputSpec
from whyframe_training.data import CropStream, DataError, list_images, split


@dataclass(frozen=True)
class Labelled:
    """Images with their classes.

    Attributes:
        paths: Image files, sorted.
        class_ids: Class id of each file.
        labels: Label of each class, sorted.
    """

    paths: tuple[Path, ...]
    class_ids: tuple[int, ...]
    labels: tuple[str, ...]

    def among(self, chosen: Collection[Path]) -> Labelled:
        """Return the images that are among the given files; the labels stay the same."""
        wanted = set(chosen)
        kept = [pair for pair in zip(self.paths, self.class_ids, strict=True) if pair[0] in wanted]
        return Labelled(tuple(path for path, _ in kept), tuple(class_id for _, class_id in kept), self.labels)

    def counts(self) -> dict[str, int]:
        """Return the number of images of each class by label, 0 included."""
        counts = Counter(self.class_ids)
        return {label: counts[i] for i, label in enumerate(self.labels)}


def read_labelled(data: str | Path, classes: str | Path | None = None) -> Labelled:
    """Read the labelled images of a folder.

    Args:
        data: Folder of images.
        classes: CSV file with the columns `file` (path below the folder) and `class`; files that it does not name are
            left out. None takes the name of the sub-folder that holds an image as its class.

    Raises:
        DataError: There are no images, the CSV file has another form, a file has no class, or there are fewer than two
            classes.
    """
    found = list_images(data)
    class_of = _from_folders(Path(data), found) if classes is None else _from_csv(Path(data), Path(classes))
    missing = sorted(set(class_of) - set(found))
    if missing:
        raise DataError(
            f"{classes} names {missing[0]}, which is not below the data folder: correct the column `file`"
        )
    labels = tuple(sorted(set(class_of.values())))
    if len(labels) < 2:
        raise DataError(
            f"a classifier needs at least two classes, got {len(labels)} ({', '.join(labels)}): add more"
        )
    paths = tuple(sorted(class_of))
    return Labelled(paths, tuple(labels.index(class_of[path]) for path in paths), labels)


def split_labelled(data: str | Path, labelled: Labelled, validation: int | None) -> tuple[Labelled, Labelled]:
    """Divide labelled images into those to train on and those to validate on, as `split` divides the folder.

    Args:
        data: Folder of images.
        labelled: Labelled images of the folder.
        validation: Number of images of the folder to validate on, or None as for `split`; of these, the labelled
            images are used.

    Raises:
        DataError: A class has no image to train on, or no labelled image is kept for validation.
    """
    train, held_out = (labelled.among(part) for part in split(list_images(data), validation))
    empty = [label for label, count in train.counts().items() if not count]
    if empty:
        raise DataError(
            f"class {empty[0]!r} has no image to train on: add some, or keep fewer with --validation"
        )
    if not held_out.paths:
        raise DataError("no labelled image is kept for validation: keep more with --validation")
    return train, held_out


class LabelledCrops(CropStream):
    """Crops of labelled images, with the class of each.

    Args:
        labelled: Labelled images.
        spec: The classifier's input, which the crops have.
        seed: Seed of the run.
    """

    def __init__(self, labelled: Labelled, spec: InputSpec, seed: int) -> None:
        super().__init__(labelled.paths, spec, seed)
        self.class_ids = np.asarray(labelled.class_ids, np.int64)

    def classes(self, samples: Sequence[int]) -> Tensor:
        """Return the class ids of crops by their numbers, int64."""
        return torch.from_numpy(self.class_ids[[self.image_index(sample) for sample in samples]])


def _from_folders(data: Path, found: Sequence[Path]) -> Mapping[Path, str]:
    parts = {path: path.relative_to(data).parts for path in found}
    loose = [path for path, names in parts.items() if len(names) == 1]
    if loose:
        raise DataError(
            f"{loose[0]} lies in no sub-folder of {data}: make a sub-folder for each class, or name the classes with "
            "--classes"
        )
    return {path: names[0] for path, names in parts.items()}


def _from_csv(data: Path, classes: Path) -> Mapping[Path, str]:
    try:
        with classes.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        named = [(data / row["file"].strip(), row["class"].strip()) for row in rows]
    except OSError as error:
        raise DataError(f"{classes} cannot be read ({error.strerror}): --classes takes a CSV file") from error
    except (KeyError, AttributeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{classes} is not a CSV file with columns `file` and `class` in every row ({error})"
        ) from error
    unclear = [path for path, label in named if not label or dict(named)[path] != label]
    if unclear:
        raise DataError(
            f"{classes} gives {unclear[0].name} no class, or two classes: give each file a single class"
        )
    return dict(named)
