"""Samples: images as the classifier takes them, each with the predicted class that is explained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from whyframe.preprocess import as_image, to_input
from whyframe_evaluation.annotations.boxed_images import Box, BoxedImage
from whyframe_evaluation.metrics.box_geometry import input_boxes
from whyframe_evaluation.metrics.perturbations import Frame
from whyframe_evaluation.metrics.pointing_game import is_difficult
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["Sample", "load_sample"]


@dataclass(frozen=True, eq=False)
class Sample:
    """One image and the class to explain.

    Attributes:
        file: Unique name of the image: the folder's name and the image's path in that folder.
        image: C x H x W float32 in [0, 1], the input of the classifier in the order of the frame.
        target: Id of the predicted class, which is explained.
        boxes: (x1, y1, x2, y2) of the visible part of that class's objects in pixels of `image`; empty where unknown.
        category: Category name of those objects; "" without boxes.
        difficult: Whether the pointing game counts the image as difficult: the objects are small, and the image
            holds another category.
        size: Height and width of the image file in pixels; (0, 0) for an image that is from no file.
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
        """Digest of the pixels, the target and the boxes; a change invalidates cached maps and values."""
        annotations = repr((self.target, self.boxes)).encode()
        return hashlib.sha256(self.frame.tobytes() + annotations).hexdigest()[:16]

    @cached_property
    def frame(self) -> Frame:
        """The image as H x W x C uint8."""
        return (255 * self.image).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()


@torch.no_grad()
def load_sample(
    image: BoxedImage, classifier: Classifier, file: str, classes: Mapping[str, frozenset[int]]
) -> Sample:
    """Read an image, resize it by the classifier's own rule, and predict its class.

    Objects outside the part of the image that the classifier sees do not count; a box at its edge is cut.

    Args:
        image: The image file and its annotated objects.
        classifier: The network to explain.
        file: Unique name of the sample, see `Sample.file`.
        classes: Ids of the classes that belong to each category of objects.

    Raises:
        SourceError: The image cannot be read.
    """
    spec = classifier.input
    frame = as_image(image.path, "bgr", spec.channels)
    pixels = torch.from_numpy(to_input(frame, spec)).permute(2, 0, 1).float() / 255
    pixels = pixels.to(classifier.mean.device)
    target = int(classifier.logits(pixels[None]).argmax())
    objects, (height, width) = image.objects_of(target, classes), frame.shape[:2]
    boxes = input_boxes([item.box for item in objects], height, width, spec)
    if not boxes:
        return Sample(file, pixels, target, (), size=(height, width))
    visible = [item.category for item in image.objects if input_boxes([item.box], height, width, spec)]
    difficult = is_difficult(boxes, visible, *pixels.shape[1:])
    return Sample(file, pixels, target, tuple(boxes), objects[0].category, difficult, (height, width))
