"""Crops of the images that come with whyframe, for checks where the user gave no images."""

from __future__ import annotations

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from whyframe.preprocess import read_image, to_input


def bundled_crops(side: int, count: int, seed: int = 0) -> tuple[NDArray[np.uint8], list[str]]:
    """Return random crops of the bundled images.

    Args:
        side: Height and width S of the crops after resizing, in pixels.
        count: Number N of crops.
        seed: Seed of the random crops.

    Returns:
        The crops, N x S x S x 3 uint8 RGB, and N names with the file, the size and the position of each crop.
    """
    rng = np.random.default_rng(seed)
    assets = resources.files("whyframe") / "assets"
    files = sorted(
        (file for file in assets.iterdir() if file.name.endswith(".jpg")), key=lambda file: file.name
    )
    crops, names = [], []
    for index in range(count):
        file = files[index % len(files)]
        with resources.as_file(file) as path:
            image = read_image(path)
        height, width = image.shape[:2]
        h, w = int(height * rng.uniform(0.4, 1)), int(width * rng.uniform(0.4, 1))
        y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        crops.append(to_input(image[y : y + h, x : x + w], side, "stretch"))
        names.append(f"{file.name} {w}x{h}+{x}+{y}")
    return np.stack(crops), names
