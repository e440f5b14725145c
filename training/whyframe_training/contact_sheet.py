"""A picture of masks as they are learned: one column an image, one row a moment of the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from whyframe.files import atomic_write

TILE = 112
COLUMNS = 8


def contact_sheet(frames: Tensor, rows: Sequence[tuple[int, Tensor]]) -> NDArray[np.uint8]:
    """The frames, and below them each moment's masks over them.

    Args:
        frames: N x S x S x 3 uint8 RGB.
        rows: (step, N x h x w scores in [0, 1]) in order.

    Returns:
        (rows + 1) * TILE high, N * TILE wide, BGR uint8.
    """
    tiles = [
        cv2.resize(frame[..., ::-1], (TILE, TILE), interpolation=cv2.INTER_AREA) for frame in frames.numpy()
    ]
    strips = [np.hstack(tiles)]
    for step, masks in rows:
        strip = np.hstack([_overlay(tile, mask) for tile, mask in zip(tiles, masks.numpy(), strict=True)])
        cv2.putText(
            strip,
            f"step {step}",
            (4, TILE - 6),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.4,
            (255, 255, 255),
            1,
            cv2.LINE_AA,
        )
        strips.append(strip)
    return np.vstack(strips)


def save_contact_sheet(path: Path, frames: Tensor, rows: Sequence[tuple[int, Tensor]]) -> None:
    """Writes the sheet as PNG."""
    _, data = cv2.imencode(".png", contact_sheet(frames, rows))
    atomic_write(path, data.tobytes())


def _overlay(tile: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    scores = cv2.resize(mask, (TILE, TILE), interpolation=cv2.INTER_LINEAR)[..., None]
    heat = cv2.applyColorMap(np.uint8(255 * scores), cv2.COLORMAP_TURBO)
    return np.uint8(tile * (1 - 0.7 * scores) + heat * (0.7 * scores))
