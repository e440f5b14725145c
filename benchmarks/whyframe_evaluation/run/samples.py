"""What is explained: pictures as the classifier takes them, each with the class that it predicts there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from whyframe.preprocess import read_image, to_input
from whyframe_evaluation.annotations.boxed_images import Box, BoxedImage
from whyframe_evaluation.metrics.box_geometry import input_boxes
from whyframe_evaluation.metrics.perturbations import Frame
from whyframe_evaluation.metrics.pointing_game import is_difficult
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["Sample", "load_sample"]


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture.

    Attributes:
        file: its key: the folder's name and its own name there.
        image: 3 x S x S RGB in [0, 1].
        target: the predicted class, which is explained.
        boxes: (x1, y1, x2, y2) of that class's objects in pixels of the S x S picture; none where unknown.
        category: of those objects.
        difficult: for the pointing game: they are small, and there are others.
        size: height and width of the file in pixels; zeros for a picture that is from none.
    """

    file: str
    image: Tensor
    target: int
    boxes: tuple[Box, ...]
    category: str = ""
    difficult: bool = False
    size: tuple[int, int] = (0, 0)

    @cached_property
    def digest(self) -> str:
        """Of all that a map and its values depend on: a changed picture is explained anew."""
        known = repr((self.target, self.boxes)).encode()
        return hashlib.sha256(self.frame.tobytes() + known).hexdigest()[:16]

    @cached_property
    def frame(self) -> Frame:
        """S x S x 3 uint8 RGB: the picture as the metrics of frames take it."""
        return (255 * self.image).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()


@torch.no_grad()
def load_sample(
    picture: BoxedImage, classifier: Classifier, key: str, classes: Mapping[str, frozenset[int]]
) -> Sample:
    """Reads a picture, and asks the classifier what it shows.

    Args:
        picture: with its objects.
        classifier: that is explained.
        key: the subject's `file`.
        classes: of each category of objects.

    Raises:
        SourceError: it cannot be read.
    """
    frame = read_image(picture.path)
    side = classifier.side
    seen = torch.from_numpy(to_input(frame, side, "stretch")).permute(2, 0, 1).float() / 255
    image = seen.to(classifier.mean.device)
    target = int(classifier.logits(image[None]).argmax())
    own, (height, width) = picture.objects_of(target, classes), frame.shape[:2]
    boxes = input_boxes([one.box for one in own], height, width, side)
    if not boxes:
        return Sample(key, image, target, (), size=(height, width))
    hard = is_difficult(boxes, [one.category for one in picture.objects], side, side)
    return Sample(key, image, target, tuple(boxes), own[0].category, hard, (height, width))
