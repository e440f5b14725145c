"""Contact sheet of a run: a column for each validation image, and a row of masks for each of several steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from whyframe.files import atomic_write

TILE = 112  # pixels
COLUMNS = 8


def contact_sheet(frames: Tensor, rows: Sequence[tuple[int, Tensor]]) -> NDArray[np.uint8]:
    """Draw the frames, and below them the masks of each row over the frames.

    Args:
        frames: N x H x W x C uint8, RGB, RGBA or grey.
        rows: Pairs of a step and its N x h x w masks in [0, 1], in the order of the steps.

    Returns:
        (rows + 1) * TILE x N * TILE x 3 uint8 BGR.
    """
    tiles = [
        np.asarray(cv2.resize(_to_bgr(frame), (TILE, TILE), interpolation=cv2.INTER_AREA), np.uint8)
        for frame in frames.numpy()
    ]
    strips = [np.hstack(tiles)]
    for step, masks in rows:
        strip = np.hstack([_overlay(tile, mask) for tile, mask in zip(tiles, masks.numpy(), strict=True)])
        strips.append(_caption(strip, f"step {step}"))
    return np.vstack(strips)


def save_contact_sheet(path: Path, frames: Tensor, rows: Sequence[tuple[int, Tensor]]) -> None:
    """Write the contact sheet as PNG."""
    _, data = cv2.imencode(".png", contact_sheet(frames, rows))
    atomic_write(path, data.tobytes())


def _to_bgr(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return H x W x 3 BGR of a grey, RGB or RGBA frame; alpha is not shown."""
    return np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else frame[..., 2::-1]


def _caption(strip: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    position, white = (4, TILE - 6), (255, 255, 255)
    return cv2.putText(strip, text, position, cv2.FONT_HERSHEY_SIMPLEX, 0.4, white, 1, cv2.LINE_AA)  # type: ignore[return-value]


def _overlay(tile: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    scores = cv2.resize(mask, (TILE, TILE), interpolation=cv2.INTER_LINEAR)[..., None]
    heat = cv2.applyColorMap(np.uint8(255 * scores), cv2.COLORMAP_TURBO)
    return np.uint8(tile * (1 - 0.7 * scores) + heat * (0.7 * scores))
