"""Images on which a network's outputs are examined: photographs that come with whyframe, and noise."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from whyframe.cli.bundled_images import CAT, COFFEE, read_bundled_image
from whyframe.input_spec import InputSpec
from whyframe.preprocess import to_input
from whyframe.resize_rule import ResizeRule

__all__ = ["probe_images"]

NOISE = 2
"""Number of images of noise."""


@lru_cache(maxsize=4)
def probe_images(spec: InputSpec) -> Tensor:
    """Return images to examine a network's outputs on.

    Args:
        spec: The network's input.

    Returns:
        N x C x H x W float32 images in [0, 1], in the order of the frame (two photographs, their halves, noise).
    """
    whole = [read_bundled_image(name) for name in (CAT, COFFEE)]
    stretched = dataclasses.replace(spec, resize=ResizeRule())
    frames = [_with_channels(frame, spec.channels) for image in whole for frame in (image, _centre(image))]
    photographs = np.stack([to_input(frame, stretched) for frame in frames])
    images = torch.from_numpy(photographs).permute(0, 3, 1, 2).float() / 255
    noise = torch.rand(NOISE, *images.shape[1:], generator=torch.Generator().manual_seed(0))
    return torch.cat((images, noise))


def _centre(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    return image[height // 4 : height - height // 4, width // 4 : width - width // 4]


def _with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Return an image as `to_input` takes it; the alpha of a photograph is opaque."""
    return cv2.cvtColor(image, cv2.COLOR_BGR2BGRA) if channels == 4 else image
