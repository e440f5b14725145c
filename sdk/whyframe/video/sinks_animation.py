"""Animated images as outputs for explained frames, written by Pillow."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OutputError, one_line
from whyframe.files import atomic_write
from whyframe.opencv import check_image_size
from whyframe.video.image_sources import AnimationSource
from whyframe.video.sink import Sink

if TYPE_CHECKING:
    import PIL.Image

    from whyframe.explanation import Explanation

__all__ = ["ANIMATION_SUFFIXES", "AnimationSink"]

ANIMATION_SUFFIXES = (".gif", ".webp", ".png", ".apng", ".tif", ".tiff")
"""Suffixes of the animated formats that can be written; in a TIFF file the frames are pages."""

_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".gif": ("GIF", {}),
    ".webp": ("WEBP", {"quality": 90}),
    ".png": ("PNG", {"default_image": False}),
    ".apng": ("PNG", {"default_image": False}),
    ".tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
}


class AnimationSink(Sink):
    """An animation with the times and the repetitions of its source.

    The drawn frames wait in a temporary file without a name, which a killed process does not leave behind.

    Args:
        path: Path of the animation.
        source: The animation that is explained.

    Raises:
        OutputError: The format does not hold frames of this size.
    """

    def __init__(self, path: Path, source: AnimationSource) -> None:
        super().__init__(path)
        check_image_size(path, *(source.size or (1, 1)))
        self._source = source
        self._format, self._options = _FORMATS[path.suffix.lower()]
        self.description = f"animated {self._format}"
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `discard`
        self._frames: list[tuple[int, tuple[int, ...]]] = []  # index in the source, and shape

    def commit(self) -> None:
        """Encode the frames and write the file."""
        buffer = io.BytesIO()
        options = dict(self._options)
        rest = _Frames(self._file, [shape for _, shape in self._frames[1:]])
        if self._source.durations and self._format != "TIFF":
            options["duration"] = [round(self._source.durations[index] * 1000) for index, _ in self._frames]
            if self._source.loops is not None:
                options["loop"] = self._source.loops
        try:
            self._first.save(buffer, self._format, save_all=True, append_images=rest, **options)
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{self.path} cannot be written ({one_line(error)}); write it as .mp4."
            ) from error
        atomic_write(self.path, buffer.getvalue())

    def discard(self) -> None:
        """Release the temporary file."""
        self._file.close()

    def _write(self, image: NDArray[np.uint8], explanation: Explanation) -> None:
        if not self._frames:
            self._first = _to_pillow(image)
            self._frames.append((explanation.index, image.shape))
            return
        try:
            self._file.write(np.ascontiguousarray(image).data)
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be written ({one_line(error.strerror or error)}); free some space."
            ) from error
        self._frames.append((explanation.index, image.shape))


class _Frames:
    """The waiting frames of a file, which can be read more than once, as Pillow does for PNG.

    Args:
        file: The pixels of the frames, BGR, one after the other.
        shapes: Height, width and 3 of each frame.
    """

    def __init__(self, file: BinaryIO, shapes: list[tuple[int, ...]]) -> None:
        self._file, self._shapes = file, shapes

    def __iter__(self) -> Iterator[PIL.Image.Image]:
        offset = 0
        for shape in self._shapes:
            self._file.seek(offset)
            data = self._file.read(math.prod(shape))
            offset += len(data)
            yield _to_pillow(np.frombuffer(data, np.uint8).reshape(shape))


def _to_pillow(image: NDArray[np.uint8]) -> PIL.Image.Image:
    from PIL import Image as pillow

    return pillow.fromarray(np.ascontiguousarray(image[..., ::-1]))
