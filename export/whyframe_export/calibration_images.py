"""Crops of the pictures that come with whyframe, for checks that need photographs and are given none."""

from __future__ import annotations

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from whyframe.preprocess import read_image, to_input


def bundled_crops(side: int, count: int, seed: int = 0) -> tuple[NDArray[np.uint8], list[str]]:
    """Random crops of the bundled pictures.

    Args:
        side: S.
        count: N.
        seed: of the crops.

    Returns:
        N x S x S x 3 uint8 RGB, and N names that say picture and crop.
    """
    rng = np.random.default_rng(seed)
    assets = resources.files("whyframe") / "assets"
    pictures = sorted((p for p in assets.iterdir() if p.name.endswith(".jpg")), key=lambda p: p.name)
    frames, names = [], []
    for index in range(count):
        picture = pictures[index % len(pictures)]
        with resources.as_file(picture) as path:
            image = read_image(path)
        height, width = image.shape[:2]
        h, w = int(height * rng.uniform(0.4, 1)), int(width * rng.uniform(0.4, 1))
        y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        frames.append(to_input(image[y : y + h, x : x + w], side, "stretch"))
        names.append(f"{picture.name} {w}x{h}+{x}+{y}")
    return np.stack(frames), names
