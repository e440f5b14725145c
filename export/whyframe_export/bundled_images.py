"""Crops of the images that come with whyframe, for checks where the user gave no images."""

from __future__ import annotations

import dataclasses
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.images import read_image
from whyframe.input_spec import InputSpec
from whyframe.preprocess import to_input
from whyframe.resize_rule import ResizeRule


def bundled_crops(spec: InputSpec, count: int, seed: int = 0) -> tuple[NDArray[np.uint8], list[str]]:
    """Return random crops of the bundled images.

    Args:
        spec: The classifier's input, which the crops have.
        count: Number N of crops.
        seed: Seed of the random crops.

    Returns:
        The crops, N x H x W x C uint8, and N names with the file, the size and the position of each crop.
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
        if spec.channels == 4:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA), np.uint8)
        height, width = image.shape[:2]
        h, w = int(height * rng.uniform(0.4, 1)), int(width * rng.uniform(0.4, 1))
        y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        crops.append(to_input(image[y : y + h, x : x + w], dataclasses.replace(spec, resize=ResizeRule())))
        names.append(f"{file.name} {w}x{h}+{x}+{y}")
    return np.stack(crops), names
