"""Image folders as an endless, reproducible stream of augmented crops, and as whole validation images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from whyframe.errors import WhyframeError
from whyframe.preprocess import read_image, to_input

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}
CACHE_BYTES = 2 << 30
SEED_OF_SPLIT = 0


class DataError(WhyframeError):
    """Images that cannot be found, read or split."""


def list_images(folder: str | Path) -> list[Path]:
    """Every image below a folder, sorted.

    Raises:
        DataError: no such folder, or no image in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"no such folder {root}: --data takes a folder of images (sub-folders are searched)")
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"no image in {root}: looked for {', '.join(sorted(SUFFIXES))}")
    return found


def split(images: Sequence[Path], validation: int) -> tuple[list[Path], list[Path]]:
    """Training and validation images: the same `validation` of them every time, whatever the run's seed."""
    if not 0 < validation < len(images):
        raise DataError(
            f"cannot keep {validation} of {len(images)} images for validation: choose fewer, or add images"
        )
    chosen = set(np.random.default_rng(SEED_OF_SPLIT).permutation(len(images))[:validation].tolist())
    train = [path for i, path in enumerate(images) if i not in chosen]
    return train, [path for i, path in enumerate(images) if i in chosen]


@dataclass(frozen=True)
class Augmentation:
    """Random crops with their ranges.

    Attributes:
        area: of the crop, as a share of the image's.
        aspect: width over height; wider than usual, since video frames are squeezed to a square.
        brightness: largest shift of all values, as a share of the range.
        contrast: largest relative change about the mean.
    """

    area: tuple[float, float] = (0.25, 1.0)
    aspect: tuple[float, float] = (0.6, 1.67)
    brightness: float = 0.1
    contrast: float = 0.2

    def __call__(self, image: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """H x W x 3 uint8 BGR to S x S x 3 uint8 RGB."""
        crop = to_input(self._crop(image, rng), side, "stretch")
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
    """Sample k of a run: image and augmentation depend on the seed and k alone.

    Any number of workers, and a run resumed at any sample, sees the same crops.

    Args:
        images: files; each is seen once an epoch, in a new order.
        side: S.
        seed: of the run.
    """

    def __init__(self, images: Sequence[Path], side: int, seed: int) -> None:
        self.images, self.side, self.seed = list(images), side, seed
        self.augment = Augmentation()
        self._cache: dict[Path, NDArray[np.uint8]] = {}
        self._cached_bytes = 0

    def __getitem__(self, sample: int) -> Tensor:
        """S x S x 3 uint8 RGB."""
        epoch, position = divmod(sample, len(self.images))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.images))
        image = self._read(self.images[order[position]])
        rng = np.random.default_rng((self.seed, epoch, position))
        return torch.from_numpy(self.augment(image, self.side, rng))

    def _read(self, path: Path) -> NDArray[np.uint8]:
        if path in self._cache:
            return self._cache[path]
        image = read_image(path)
        if self._cached_bytes + image.nbytes <= CACHE_BYTES:
            self._cache[path] = image
            self._cached_bytes += image.nbytes
        return image

    def batches(self, first: int, last: int, size: int, workers: int = 0) -> Iterator[Tensor]:
        """Samples first to last in order, as N x S x S x 3 uint8 batches."""
        loader = DataLoader(
            self, batch_size=size, sampler=range(first, last), num_workers=workers, drop_last=True
        )
        return iter(loader)


def to_images(frames: Tensor, device: torch.device) -> Tensor:
    """N x S x S x 3 uint8 to N x 3 x S x S float32 in [0, 1], channels last in memory."""
    images = frames.to(device, non_blocking=True).permute(0, 3, 1, 2)
    return images.float().div_(255).contiguous(memory_format=torch.channels_last)


def load_frames(paths: Sequence[Path], side: int) -> Tensor:
    """Whole images squeezed to S x S, as the runtime does: N x S x S x 3 uint8 RGB."""
    return torch.from_numpy(np.stack([to_input(read_image(path), side, "stretch") for path in paths]))
