"""What is explained: pictures as the classifier takes them, each with the class that it predicts there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from whyframe.preprocess import read_image, to_input
from whyframe_training.boxes import Box, BoxedImage, read_boxed
from whyframe_training.classifiers import Classifier
from whyframe_training.data import list_images

__all__ = ["Subject", "find_images", "look_at"]

BOXES = "boxes.json"


@dataclass(frozen=True, eq=False)
class Subject:
    """One picture.

    Attributes:
        file: its name, for reports.
        image: 3 x S x S RGB in [0, 1].
        target: the predicted class, which is explained.
        boxes: (x1, y1, x2, y2) of that class's objects in pixels of the S x S picture; none where unknown.
    """

    file: str
    image: Tensor
    target: int
    boxes: tuple[Box, ...]


def find_images(folders: Sequence[Path], limit: int | None) -> list[BoxedImage]:
    """The pictures of folders; one with ``boxes.json`` and ``images/`` gives its boxes, too.

    Args:
        folders: of images.
        limit: of pictures, from each folder; None for all.

    Raises:
        DataError: a folder that is missing or holds no image.
    """
    found = []
    for folder in folders:
        boxed = (folder / BOXES).is_file()
        images = read_boxed(folder) if boxed else [BoxedImage(path, ()) for path in list_images(folder)]
        found += images[:limit]
    return found


@torch.no_grad()
def look_at(picture: BoxedImage, classifier: Classifier) -> Subject:
    """Reads a picture, and asks the classifier what it shows.

    Raises:
        SourceError: it cannot be read.
    """
    frame = read_image(picture.path)
    seen = torch.from_numpy(to_input(frame, classifier.side, "stretch")).permute(2, 0, 1).float() / 255
    image = seen.to(classifier.mean.device)
    target = int(classifier.logits(image[None]).argmax())
    boxes = picture.boxes_of(target) if picture.objects else []
    height, width = frame.shape[:2]
    scale = np.array([width, height, width, height]) / classifier.side
    scaled = tuple(tuple(float(v) for v in np.asarray(box) / scale) for box in boxes)
    return Subject(picture.path.name, image, target, scaled)  # type: ignore[arg-type]
