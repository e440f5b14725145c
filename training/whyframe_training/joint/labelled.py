"""Photographs with classes: from sub-folders, or from a CSV file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from whyframe_training.data import CropStream, DataError, list_images, split


@dataclass(frozen=True)
class Labelled:
    """Photographs and what is on them.

    Attributes:
        paths: the files, sorted.
        class_ids: of each file.
        labels: of each class, sorted.
    """

    paths: tuple[Path, ...]
    class_ids: tuple[int, ...]
    labels: tuple[str, ...]

    def among(self, chosen: Collection[Path]) -> Labelled:
        """Those of the given files; the classes stay."""
        wanted = set(chosen)
        kept = [(path, id_) for path, id_ in zip(self.paths, self.class_ids, strict=True) if path in wanted]
        return Labelled(tuple(path for path, _ in kept), tuple(id_ for _, id_ in kept), self.labels)

    def counts(self) -> dict[str, int]:
        """Photographs of each class, those without any included."""
        seen = Counter(self.class_ids)
        return {label: seen[i] for i, label in enumerate(self.labels)}


def read_labelled(data: str | Path, classes: str | Path | None = None) -> Labelled:
    """The labelled photographs of a folder.

    Args:
        data: the folder.
        classes: a CSV file with columns `file` (below the folder) and `class`; files that it does not name are left
            out. Without one, the class of a photograph is the sub-folder that it lies in.

    Raises:
        DataError: no photographs, a CSV file of another form, a file without a class, fewer than two classes.
    """
    found = list_images(data)
    class_of = _from_folders(Path(data), found) if classes is None else _from_csv(Path(data), Path(classes))
    missing = sorted(set(class_of) - set(found))
    if missing:
        raise DataError(f"{classes} names {missing[0]}, which is not there: correct its `file` column")
    labels = tuple(sorted(set(class_of.values())))
    if len(labels) < 2:
        raise DataError(f"a classifier needs two classes, got {len(labels)} ({', '.join(labels)}): add more")
    paths = tuple(sorted(class_of))
    return Labelled(paths, tuple(labels.index(class_of[path]) for path in paths), labels)


def split_labelled(data: str | Path, labelled: Labelled, validation: int) -> tuple[Labelled, Labelled]:
    """Training and validation photographs: the labelled ones of what every run on this folder trains and keeps.

    Raises:
        DataError: a class without a photograph to train on, or none labelled to validate on.
    """
    train, held_out = (labelled.among(part) for part in split(list_images(data), validation))
    empty = [label for label, count in train.counts().items() if not count]
    if empty:
        raise DataError(
            f"class {empty[0]!r} has no photograph to train on: add some, or keep fewer by --validation"
        )
    if not held_out.paths:
        raise DataError("no labelled photograph is kept for validation: keep more by --validation")
    return train, held_out


class LabelledCrops(CropStream):
    """The crops of a run, and the class of each.

    Args:
        labelled: the photographs.
        side: S.
        seed: of the run.
    """

    def __init__(self, labelled: Labelled, side: int, seed: int) -> None:
        super().__init__(labelled.paths, side, seed)
        self.class_ids = np.asarray(labelled.class_ids, np.int64)

    def classes(self, samples: Sequence[int]) -> Tensor:
        """The class ids of samples of the stream, int64."""
        return torch.tensor([self._class(sample) for sample in samples])

    def _class(self, sample: int) -> int:
        epoch, position = divmod(sample, len(self.images))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.images))
        return int(self.class_ids[order[position]])


def _from_folders(data: Path, found: Sequence[Path]) -> Mapping[Path, str]:
    parts = {path: path.relative_to(data).parts for path in found}
    loose = [path for path, names in parts.items() if len(names) == 1]
    if loose:
        raise DataError(
            f"{loose[0]} lies in no sub-folder of {data}: make one for each class, or name the classes by --classes"
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
        raise DataError(f"{classes} gives {unclear[0].name} no class, or two: give each file one")
    return dict(named)
