"""Outputs for explained frames: a video, an image, or a folder of images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OutputError
from whyframe.images import image_size
from whyframe.opencv import IMAGE_SUFFIXES, check_image_size, write_image
from whyframe.parts import Part
from whyframe.video.image_sources import AnimationSource
from whyframe.video.sink import Sink
from whyframe.video.sinks_animation import ANIMATION_SUFFIXES, AnimationSink
from whyframe.video.sources import Source

if TYPE_CHECKING:
    from whyframe.explanation import Explanation

__all__ = ["VIDEO_SUFFIXES", "check_image_output", "default_output", "open_sink"]

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov")
"""Suffixes of the video formats that can be written."""


class _ImageSink(Sink):
    """A single image."""

    description = "one image"

    def _write(self, image: NDArray[np.uint8], explanation: Explanation) -> None:  # noqa: ARG002
        self._image = image

    def commit(self) -> None:
        write_image(self.path, self._image)

    def discard(self) -> None:
        """Do nothing: no file exists before `commit`."""


class _FolderSink(Sink):
    """A folder with one image for each input file, under the same names.

    The images are written to a temporary folder and moved when all of them are complete.
    """

    description = "images of the same names"

    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path)
        # A format that is only read, such as .heic, becomes .png under its whole name.
        self._names = [
            file.name + ("" if file.suffix.lower() in IMAGE_SUFFIXES else ".png") for file in source.files
        ]
        self._part = Part(path, folder=True)

    def _write(self, image: NDArray[np.uint8], explanation: Explanation) -> None:
        write_image(self._part.path / self._names[explanation.index], image)

    def commit(self) -> None:
        self.path.mkdir(exist_ok=True)
        for file in self._part.path.iterdir():
            file.replace(self.path / file.name)

    def discard(self) -> None:
        self._part.close()


def open_sink(output: str | Path, source: Source) -> Sink:
    """Open the output that fits a source.

    Args:
        output: Path to write: an image file for an image, a folder for a folder (created where its parent
            exists), an animated image or a video for an animation, and a video file for any other source.
        source: The source to explain. The output keeps its frame size, frame rate and sound.

    Returns:
        A sink, to be used as a context manager.

    Raises:
        OutputError: The parent folder does not exist or cannot be written to, the output is the input itself,
            or its suffix does not fit. Nothing has been written.
    """
    path = Path(output)
    _check_place(path, source)
    if source.kind == "folder":
        return _FolderSink(path, source)
    if source.kind == "image":
        _check_suffix(path, IMAGE_SUFFIXES, "an image")
        check_image_size(path, *image_size(source.files[0]))
        return _ImageSink(path)
    if isinstance(source, AnimationSource) and path.suffix.lower() not in VIDEO_SUFFIXES:
        _check_suffix(path, (*ANIMATION_SUFFIXES, *VIDEO_SUFFIXES), "an animation")
        return AnimationSink(path, source)
    _check_suffix(path, VIDEO_SUFFIXES, "a video")
    from whyframe.video.sinks_pyav import PyAvVideo  # PyAV takes time to import

    return PyAvVideo(path, source)


def default_output(source: Source) -> Path:
    """Return the path of an output that is not named: INPUT-explained in the current folder, in a format that fits."""
    if source.path is None:
        return Path(f"{source.kind}-explained.mp4")
    suffix = source.path.suffix
    written = {
        "video": VIDEO_SUFFIXES,
        "animation": ANIMATION_SUFFIXES,
        "image": IMAGE_SUFFIXES,
        "folder": (suffix.lower(),),
    }
    if suffix.lower() not in written[source.kind]:
        suffix = ".png" if source.kind == "image" else ".mp4"
    return Path(f"{source.path.resolve().stem}-explained{suffix}")


def check_image_output(path: Path) -> None:
    """Check that an image can be written to a path.

    Args:
        path: The path to check.

    Raises:
        OutputError: The folder does not exist or cannot be written to, or the suffix is not an image's.
    """
    _check_folder(path)
    _check_suffix(path, IMAGE_SUFFIXES, "an image")


def _check_folder(path: Path) -> None:
    parent = path.parent
    if not parent.is_dir():
        raise OutputError(f"the output folder {parent} does not exist; create it first (mkdir {parent}).")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"the output folder {parent} cannot be written to; choose another folder.")


def _check_place(path: Path, source: Source) -> None:
    _check_folder(path)
    if source.path is not None and path.resolve() == source.path.resolve():
        raise OutputError(f"{path} is the input itself; choose another output.")
    if path.exists() and path.is_dir() != (source.kind == "folder"):
        wanted = "a folder" if source.kind == "folder" else "a file name"
        raise OutputError(
            f"{path} is {'a folder' if path.is_dir() else 'a file'}; the output of a {source.kind} is {wanted}."
        )


def _check_suffix(path: Path, known: tuple[str, ...], kind: str) -> None:
    if path.suffix.lower() not in known:
        raise OutputError(
            f"{path.name} is not the name of {kind} that whyframe can write; end it in {', '.join(known)}."
        )
