"""A frame, and classifiers of frames whose probabilities are known in closed form."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from whyframe.perturb import Classify

SIDE = 32


@pytest.fixture
def checkered() -> NDArray[np.uint8]:
    """Return 32 x 32 pixels, alternately black and white, whose contrast every perturbation removes."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.repeat((255 * ((x + y) % 2)).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture
def contrast_in() -> Callable[[tuple[slice, slice]], Classify]:
    """Return a builder of classifiers: class 1 has the share of a window's pixels that are black or white."""

    def build(window: tuple[slice, slice]) -> Classify:
        def classify(frames: NDArray[np.uint8]) -> NDArray[np.floating]:
            levels = frames[(slice(None), *window)].astype(float).mean(axis=-1)
            p = (np.abs(levels - 127.5) > 127).mean(axis=(1, 2))
            return np.stack([1 - p, p], axis=1)

        return classify

    return build
