"""Ways in which a pipeline may turn an image file into the input of a classifier."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.check import pillow
from whyframe.input_spec import IMAGENET_MEAN, IMAGENET_STD, InputSpec
from whyframe.opencv import quiet_opencv
from whyframe.preprocess import as_image, to_input
from whyframe.resize_rule import ResizeRule

__all__ = ["Decoding", "Images", "Normalisation", "Preparation", "resize_rules", "with_interpolations"]

_CROP_SHARES = (0.875, 0.9, 0.95, 0.965, 224 / 232, 1.0)
"""Common ratios of the input's side to the shorter side before the crop; 0.875 is 224 of 256."""

_FILLS = ((0, 0, 0), (114, 114, 114), (127, 127, 127), (255, 255, 255))
_FILTERS = (
    ("bilinear", True),
    ("bilinear", False),
    ("bicubic", True),
    ("bicubic", False),
    ("nearest", False),
)


@dataclass(frozen=True)
class Decoding:
    """How an image file becomes pixels.

    Attributes:
        library: ``"OpenCV"`` or ``"Pillow"``.
        upright: Whether the image is rotated as its EXIF orientation requires.
    """

    library: str = "OpenCV"
    upright: bool = True

    def __str__(self) -> str:
        """Return the decoding in words."""
        return f"{self.library}, EXIF orientation {'applied' if self.upright else 'ignored'}"


@dataclass(frozen=True)
class Normalisation:
    """Numbers by which values in [0, 1] are normalised.

    Attributes:
        mean: C means, in the order of the frame.
        std: C standard deviations, in the order of the frame.
        name: Name in reports.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    name: str

    def __str__(self) -> str:
        """Return the name and the numbers."""
        mean, std = (" ".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"{self.name} (mean {mean}, std {std})"

    @classmethod
    def known(cls, channels: int) -> list[Normalisation]:
        """Return the normalisations that are in use for inputs of a number of channels."""
        found = [
            cls((0.5,) * channels, (0.5,) * channels, "values from -1 to 1"),
            cls((0.0,) * channels, (1.0,) * channels, "values from 0 to 1"),
            cls((0.0,) * channels, (1 / 255,) * channels, "values from 0 to 255"),
        ]
        if channels == 1:
            return [*found, cls((0.1307,), (0.3081,), "that of MNIST")]
        if channels == 3:
            clip = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
            found += [
                cls(IMAGENET_MEAN, IMAGENET_STD, "that of ImageNet"),
                cls((127 / 255,) * 3, (128 / 255,) * 3, "that of EfficientNet-Lite"),
                cls(*clip, "that of CLIP"),
                cls((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), "that of CIFAR-10"),
                cls(IMAGENET_MEAN, (1 / 255,) * 3, "values from 0 to 255 minus ImageNet's mean"),
            ]
        return found


@dataclass(frozen=True)
class Preparation:
    """One way to prepare an image file.

    Attributes:
        resize: How a frame becomes the input.
        decoding: How the file becomes a frame.
        swapped: Whether red and blue are exchanged.
        normalisation: Normalisation in the place of the file's own; None keeps the file's own.
    """

    resize: ResizeRule
    decoding: Decoding = dataclasses.field(default_factory=Decoding)
    swapped: bool = False
    normalisation: Normalisation | None = None


class Images:
    """Image files, decoded once for each way of decoding.

    Args:
        paths: The image files.
        spec: The model's input; its resize rule is replaced by that of each preparation.
    """

    def __init__(self, paths: Sequence[Path], spec: InputSpec) -> None:
        self.paths, self.spec = list(paths), spec
        self._frames: dict[tuple[Path, Decoding], NDArray[np.uint8]] = {}
        self._inputs: dict[tuple[Decoding, ResizeRule], NDArray[np.uint8]] = {}

    def inputs(self, preparation: Preparation) -> NDArray[np.uint8]:
        """Return the inputs of all files, N x H x W x C uint8, before the normalisation."""
        key = preparation.decoding, preparation.resize
        if key not in self._inputs:
            spec = dataclasses.replace(self.spec, resize=preparation.resize)
            frames = (self.frame(path, preparation.decoding) for path in self.paths)
            self._inputs[key] = np.stack([to_input(frame, spec) for frame in frames])
        inputs = self._inputs[key]
        return _swap(inputs) if preparation.swapped else inputs

    def frame(self, path: Path, decoding: Decoding) -> NDArray[np.uint8]:
        """Return a decoded file, H x W x 3 uint8 BGR, or BGRA where the model takes 4 channels."""
        if (path, decoding) not in self._frames:
            self._frames[path, decoding] = _decode(path, decoding, self.spec.channels)
        return self._frames[path, decoding]

    def decodings(self) -> list[Decoding]:
        """Return the ways of decoding that can be tried on this machine."""
        if self.spec.channels == 4:
            return [Decoding()]
        libraries = ["OpenCV"] if pillow.load_pillow() is None else ["OpenCV", "Pillow"]
        return [Decoding(library, upright) for library in libraries for upright in (True, False)]


def resize_rules(height: int, width: int) -> list[ResizeRule]:
    """Return the geometries in use, each with Pillow's bilinear filter.

    Args:
        height: Height H of the input, in pixels.
        width: Width W of the input, in pixels.
    """
    short = min(height, width)
    sides = sorted({int(short / share) for share in _CROP_SHARES} | {round(short / 0.875)})
    return [
        ResizeRule(mode="stretch", interpolation="bilinear"),
        ResizeRule(mode="crop", interpolation="bilinear"),
        *(ResizeRule(mode="crop", shorter_side=side, interpolation="bilinear") for side in sides),
        *(ResizeRule(mode="letterbox", fill=fill, interpolation="bilinear") for fill in _FILLS),
    ]


def with_interpolations(rule: ResizeRule, channels: int = 3) -> Iterator[ResizeRule]:
    """Yield a rule with every interpolation, and with both roundings of the crop's place.

    Args:
        rule: Resize rule that states the geometry.
        channels: Number of channels of the input; with 4, colours are weighted by alpha and not.
    """
    offsets = ("round", "floor") if rule.shorter_side is not None else ("round",)
    for interpolation, antialias in _FILTERS:
        for offset in offsets:
            other = dataclasses.replace(rule, interpolation=interpolation, antialias=antialias, offset=offset)
            yield other
            if other.weights_by_alpha(channels):
                yield dataclasses.replace(other, premultiplied=False)
    if rule.mode != "letterbox" and rule.shorter_side is None:
        yield ResizeRule(mode=rule.mode)


def _swap(inputs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(inputs.shape[3])
    return inputs if order is None else np.ascontiguousarray(inputs[..., order])


def _decode(path: Path, decoding: Decoding, channels: int) -> NDArray[np.uint8]:
    if decoding.library == "Pillow":
        return pillow.decode(path, upright=decoding.upright)
    with quiet_opencv():
        frame = as_image(path, "bgr", channels)
        if decoding.upright or channels == 4:
            return frame
        data = np.frombuffer(path.read_bytes(), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)  # type: ignore[return-value]
