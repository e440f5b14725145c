"""Image folders: a reproducible stream of augmented crops for training, and uncropped images for validation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from whyframe.errors import WhyframeError
from whyframe.input_spec import InputSpec
from whyframe.preprocess import as_image, to_input
from whyframe.resize_rule import ResizeRule

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}
CACHE_BYTES = 2 << 30
SEED_OF_SPLIT = 0
DEFAULT_VALIDATION = 200
"""Number of images to validate on where none is given and the folder holds enough."""


class DataError(WhyframeError):
    """Images that cannot be found, read or split."""


def list_images(folder: str | Path) -> list[Path]:
    """Return the image files of a folder and its sub-folders, sorted.

    Raises:
        DataError: There is no such folder, or no image in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"no such folder {root}: --data takes a folder of images (sub-folders are searched)")
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"no image in {root}: looked for {', '.join(sorted(SUFFIXES))}")
    return found


def validation_count(images: int) -> int:
    """Return the number of images to validate on where none is given: 200, or a quarter of fewer than 800 images.

    Args:
        images: Number of images of the folder.
    """
    return max(1, min(DEFAULT_VALIDATION, images // 4))


def split(images: Sequence[Path], validation: int | None) -> tuple[list[Path], list[Path]]:
    """Divide images into those to train on and those to validate on.

    Args:
        images: Image files, sorted.
        validation: Number of images to validate on; None stands for `validation_count`. The same images are drawn every
            time, whatever the run's seed.

    Returns:
        Training images and validation images, each in the given order.

    Raises:
        DataError: There are not enough images.
    """
    if len(images) < 2:
        raise DataError(
            "one image is not enough to train on and to validate on: add images, a few hundred if possible"
        )
    if validation is None:
        validation = validation_count(len(images))
    if not 0 < validation < len(images):
        raise DataError(
            f"cannot keep {validation} of {len(images)} images for validation: choose fewer, or add images"
        )
    chosen = set(np.random.default_rng(SEED_OF_SPLIT).permutation(len(images))[:validation].tolist())
    train = [path for i, path in enumerate(images) if i not in chosen]
    return train, [path for i, path in enumerate(images) if i in chosen]


@dataclass(frozen=True)
class Augmentation:
    """Random crop, horizontal flip, brightness and contrast.

    Attributes:
        area: Range of the crop's area, as a share of the image's area.
        aspect: Range of the crop's width over its height. It is wider than usual, because video frames are resized to
            a square without keeping their aspect.
        brightness: Largest shift of all values, as a share of the value range.
        contrast: Largest relative change of the differences from the mean.
    """

    area: tuple[float, float] = (0.25, 1.0)
    aspect: tuple[float, float] = (0.6, 1.67)
    brightness: float = 0.1
    contrast: float = 0.2

    def __call__(
        self, image: NDArray[np.uint8], spec: InputSpec, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return a random crop.

        Args:
            image: H x W x 3 uint8 BGR, or BGRA for an input of 4 channels.
            spec: The classifier's input.
            rng: Source of every random choice.

        Returns:
            The input's height x width x channels, uint8; RGB, RGBA or grey.
        """
        crop = to_input(self._crop(image, rng), dataclasses.replace(spec, resize=ResizeRule()))
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        return self._recolour(np.ascontiguousarray(crop), rng)

    def _recolour(self, crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        gain = 1 + rng.uniform(-self.contrast, self.contrast)
        shift = 255 * rng.uniform(-self.brightness, self.brightness)
        centre = float(crop.mean()) * (1 - gain)
        return np.clip(crop * np.float32(gain) + np.float32(centre + shift), 0, 255).astype(np.uint8)

    def _crop(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        area = rng.uniform(*self.area) * height * width
        aspect = np.exp(rng.uniform(*np.log(self.aspect)))
        w = int(np.clip(round(np.sqrt(area * aspect)), 1, width))
        h = int(np.clip(round(np.sqrt(area / aspect)), 1, height))
        x, y = rng.integers(0, width - w + 1), rng.integers(0, height - h + 1)
        return image[y : y + h, x : x + w]


class CropStream(Dataset[Tensor]):
    """Endless sequence of crops, in which crop k depends only on the seed and on k.

    The crops are the same for any number of workers, and for a run that is resumed.

    Args:
        images: Image files; each epoch takes every image once, in a new order.
        spec: The classifier's input, which the crops have.
        seed: Seed of the run.
    """

    def __init__(self, images: Sequence[Path], spec: InputSpec, seed: int) -> None:
        self.images, self.spec, self.seed = list(images), spec, seed
        self.augment = Augmentation()
        self._cache: dict[Path, NDArray[np.uint8]] = {}
        self._cached_bytes = 0

    def __getitem__(self, sample: int) -> Tensor:
        """Return crop number `sample`, H x W x C uint8."""
        image = self._read(self.images[self.image_index(sample)])
        rng = np.random.default_rng((self.seed, *divmod(sample, len(self.images))))
        return torch.from_numpy(self.augment(image, self.spec, rng))

    def image_index(self, sample: int) -> int:
        """Return the index in `images` of the image from which crop number `sample` is taken."""
        epoch, position = divmod(sample, len(self.images))
        return int(np.random.default_rng((self.seed, epoch)).permutation(len(self.images))[position])

    def _read(self, path: Path) -> NDArray[np.uint8]:
        if path in self._cache:
            return self._cache[path]
        image = as_image(path, "bgr", self.spec.channels)
        if self._cached_bytes + image.nbytes <= CACHE_BYTES:
            self._cache[path] = image
            self._cached_bytes += image.nbytes
        return image

    def batches(self, first: int, last: int, size: int, workers: int = 0) -> Iterator[Tensor]:
        """Yield crops `first` to `last - 1` as N x H x W x C uint8 batches; an incomplete batch is dropped."""
        loader = DataLoader(
            self, batch_size=size, sampler=range(first, last), num_workers=workers, drop_last=True
        )
        return iter(loader)


def to_images(frames: Tensor, device: torch.device) -> Tensor:
    """Convert N x H x W x C uint8 frames to N x C x H x W float32 in [0, 1] on a device, channels last in memory."""
    images = frames.to(device, non_blocking=True).permute(0, 3, 1, 2)
    return images.float().div_(255).contiguous(memory_format=torch.channels_last)


def load_frames(paths: Sequence[Path], spec: InputSpec) -> Tensor:
    """Read images and convert them to a classifier's input by its own resize rule, N x H x W x C uint8."""
    return torch.from_numpy(
        np.stack([to_input(as_image(path, "bgr", spec.channels), spec) for path in paths])
    )
