"""Sources of frames that Pillow reads: an image, a folder of images, or an animation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from whyframe.errors import SourceError, WhyframeError
from whyframe.image_options import ImageOptions
from whyframe.images import READ_SUFFIXES, check_size, decode, image_errors, open_image, read_image
from whyframe.video.source import Frame, Source, printable

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["AnimationSource", "open_image_file", "open_image_folder"]

_ANIMATED = ("GIF", "PNG", "WEBP", "TIFF", "AVIF")  # the further images of MPO and HEIF are no frames
_SUBFILE_TYPE, _REDUCED_OR_MASK = 254, 1 | 4
_DEFAULT_SECONDS = 0.1  # what browsers show where no time, or in a GIF at most 10 ms, is stated
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")
_NAMED = 20


class _ImageFiles(Source):
    """One image file, or the image files of a folder in the order of their names."""

    def __init__(self, path: Path, files: tuple[Path, ...], kind: str, images: ImageOptions) -> None:
        self.path, self.files, self.kind, self.count = path, files, kind, len(files)
        self._images = images
        super().__init__(printable(path))

    def _read(self) -> Iterator[Frame]:
        left_out = 0
        for index, file in enumerate(self.files):
            try:
                image = _read(file, self._images)
                frames = 1 if self.kind == "image" else _frame_count(file, self._images)
            except WhyframeError as error:
                self.problems.append(str(error))
                left_out += 1
                continue
            if frames > 1:
                self.problems.append(
                    f"{printable(file)} is an animation: 1 of its {frames} frames was explained; run it by itself."
                )
            yield Frame(image, index)
        if left_out > 1:
            self.problems.append(
                f"{left_out} of the {self.count} images of {self.name} could not be read and were left out."
            )


class AnimationSource(Source):
    """The frames of an animated GIF, WebP, PNG or AVIF file, or the pages of a TIFF file.

    Attributes:
        durations: Seconds that each frame read so far is shown; empty for pages.
        loops: Number of times that the animation is played; 0 for ever; None where the file does not say.
    """

    kind = "animation"

    def __init__(self, path: Path, images: ImageOptions) -> None:
        self.path, self._images = path, images
        self.durations: list[float] = []
        with open_image(path, images) as image:
            self._positions = _positions(image)
            self.count = len(self._positions)
            self.loops: int | None = image.info.get("loop")
            self.size = image.size
        super().__init__(printable(path))

    def _read(self) -> Iterator[Frame]:
        time, index = 0.0, 0
        name = printable(self.path or "")
        try:
            with open_image(self.path or "", self._images, quiet=False) as image:
                for index, position in enumerate(self._positions):
                    with image_errors(name):
                        image.seek(position)
                        check_size(image, self._images, f"frame {index} of {name}")
                        pixels = decode(image, 4 if self._images.alpha else 3, self._images, name)
                        duration = _duration(image)
                    if duration is not None:
                        self.durations.append(duration)
                    yield Frame(pixels, index, None if duration is None else time)
                    time += duration or 0.0
        except WhyframeError as error:
            self.problems.append(f"{index} of {self.count} frames of {name} could be read: {error}")


def open_image_file(path: Path, images: ImageOptions) -> Source:
    """Open an image or an animation; a damaged or too large one fails here.

    Raises:
        WhyframeError: The file cannot be read.
    """
    if _frame_count(path, images) > 1:
        return AnimationSource(path, images)
    _read(path, images)
    return _ImageFiles(path, (path,), "image", images)


def open_image_folder(path: Path, images: ImageOptions) -> Source:
    """Open the images of a folder. What it holds besides images is named in ``problems``.

    Raises:
        SourceError: The folder holds no images.
    """
    entries = sorted(entry for entry in path.iterdir() if not _is_hidden(entry))
    files = [entry for entry in entries if entry.suffix.lower() in READ_SUFFIXES and entry.is_file()]
    if not files:
        raise SourceError(
            f"{printable(path)} holds no images; put files that end in {', '.join(READ_SUFFIXES)} directly into it."
        )
    source = _ImageFiles(path, tuple(files), "folder", images)
    others = [printable(entry.name) + "/" * entry.is_dir() for entry in entries if entry not in set(files)]
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        source.problems.append(
            f"{len(others)} of {len(entries)} entries of {printable(path)} are not images and were left out: "
            f"{', '.join(others[:_NAMED])}{more}."
        )
    return source


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _SYSTEM_FILES


def _read(path: Path, images: ImageOptions) -> NDArray[np.uint8]:
    return read_image(path, channels=4 if images.alpha else 3, options=images)


def _frame_count(path: Path, images: ImageOptions) -> int:
    with open_image(path, images) as image:
        return len(_positions(image))


def _positions(image: PIL.Image.Image) -> list[int]:
    """Return the positions of the frames: without still images of an APNG and reduced pages of a TIFF file."""
    if image.format not in _ANIMATED:
        return [0]
    count = getattr(image, "n_frames", 1)
    if image.format == "TIFF" and count > 1:
        return [position for position in range(count) if _is_page(image, position)] or [0]
    return list(range(1 if getattr(image, "default_image", False) and count > 1 else 0, count))


def _is_page(image: PIL.Image.Image, position: int) -> bool:
    image.seek(position)
    tags = getattr(image, "tag_v2", {})
    return not int(tags.get(_SUBFILE_TYPE, 0)) & _REDUCED_OR_MASK


def _duration(image: PIL.Image.Image) -> float | None:
    """Return the seconds that the current frame is shown; None for a page of a TIFF file."""
    if image.format == "TIFF":
        return None
    seconds = float(image.info.get("duration") or 0) / 1000
    least = 0.01 if image.format == "GIF" else 0.0
    return seconds if seconds > least else _DEFAULT_SECONDS
