"""Small animations of photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from skimage import data

SECONDS = [0.2, 1.0, 0.4]
ANIMATION_FRAMES = [
    data.chelsea()[:150:3, :300:3],
    data.coffee()[:150:3, :300:3],
    data.rocket()[:150:3, :300:3],
]


def write_animation(path: Path, **options: Any) -> Path:
    """Write three frames of 100 x 50 pixels, shown for 0.2, 1.0 and 0.4 s; options are those of Pillow."""
    frames = [Image.fromarray(picture) for picture in ANIMATION_FRAMES]
    times = {} if path.suffix == ".tif" else {"duration": [round(s * 1000) for s in SECONDS], "loop": 0}
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **{**times, **lossless, **options})
    return path
