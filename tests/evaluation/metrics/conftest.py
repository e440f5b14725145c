"""A frame and classifiers of frames whose answers are known in closed form."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

SIDE = 32

Classify = Callable[[NDArray[np.uint8]], NDArray[np.floating]]


@pytest.fixture
def checkered() -> NDArray[np.uint8]:
    """One-pixel black and white squares, 32 x 32: contrast that a perturbation takes away."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.repeat((255 * ((x + y) % 2)).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture
def contrast_in() -> Callable[[tuple[slice, slice]], Classify]:
    """Classifiers whose class 1 has the share of a window's pixels that are still black or white."""

    def build(window: tuple[slice, slice]) -> Classify:
        def classify(frames: NDArray[np.uint8]) -> NDArray[np.floating]:
            seen = frames[(slice(None), *window)].astype(float).mean(axis=-1)
            p = (np.abs(seen - 127.5) > 127).mean(axis=(1, 2))
            return np.stack([1 - p, p], axis=1)

        return classify

    return build
