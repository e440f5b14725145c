"""Images of five classes that differ in colour, and the settings of a run on them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.tiny_run import settings, spec
from whyframe_training.config import TrainConfig

COLOURS = {
    "blue": (200, 30, 30), "green": (30, 200, 30), "grey": (110, 110, 110), "red": (30, 30, 200),
    "white": (230, 230, 230),
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with a sub-folder of six images for each colour."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for i in range(6):
            grain = cv2.resize(rng.integers(-20, 20, (6, 8, 3)).astype(np.float32), (96, 80))
            cv2.imwrite(str(folder / f"{i}.png"), np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8))
    return tmp_path / "photos"


@pytest.fixture
def config(data: Path, tmp_path: Path) -> TrainConfig:
    return settings(spec(tmp_path), data=str(data), validation=5)
