"""Where explained frames go: a video, an image, or a folder of images. What is there is whole and plays."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OutputError
from whyframe.files import atomic_write
from whyframe.video.sources import IMAGE_SUFFIXES, Source

if TYPE_CHECKING:
    from whyframe.explanation import Explanation

__all__ = ["VIDEO_SUFFIXES", "Sink", "check_image_output", "open_sink", "write_image"]

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov")
DEFAULT_FPS = 30.0


class Sink(ABC):
    """Draws explanations into one output, which appears under its name only when it is complete.

    As a context manager it commits at the end and after Ctrl-C, so that what was done is kept, and discards
    everything after any other error.

    Attributes:
        path: the output.
        description: what it is written with, for people.
        written: pictures written so far.
    """

    description: str

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        try:
            if self.written and (kind is None or interrupted):
                self.commit()
        finally:
            self.discard()

    def write(self, explanation: Explanation) -> None:
        """Draws one explanation and adds it.

        Raises:
            OutputError: the disk is full, or the picture's size differs from the first one's in a video.
        """
        self._write(explanation.overlay(), explanation)
        self.written += 1

    @abstractmethod
    def _write(self, picture: NDArray[np.uint8], explanation: Explanation) -> None:
        """Adds a drawn picture, H x W x 3 uint8 BGR."""

    @abstractmethod
    def commit(self) -> None:
        """Finishes the output and gives it its name."""

    @abstractmethod
    def discard(self) -> None:
        """Removes whatever was not committed."""


class _ImageSink(Sink):
    """One picture."""

    description = "one image"

    def _write(self, picture: NDArray[np.uint8], explanation: Explanation) -> None:  # noqa: ARG002
        self._picture = picture

    def commit(self) -> None:
        write_image(self.path, self._picture)

    def discard(self) -> None:
        """Nothing is written before `commit`."""


class _FolderSink(Sink):
    """A picture for each file of a folder, under the same names; collected aside until all are there."""

    description = "images of the same names"

    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path)
        self._names = [file.name for file in source.files]
        self._aside = part_path(path)
        self._aside.mkdir()

    def _write(self, picture: NDArray[np.uint8], explanation: Explanation) -> None:
        write_image(self._aside / self._names[explanation.index], picture)

    def commit(self) -> None:
        self.path.mkdir(exist_ok=True)
        for file in self._aside.iterdir():
            file.replace(self.path / file.name)
        self._aside.rmdir()

    def discard(self) -> None:
        shutil.rmtree(self._aside, ignore_errors=True)


class VideoSink(Sink):
    """A video under a temporary name until it is finished; subclasses encode."""

    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path)
        assert source.size is not None, "only a folder has no size, and it is no video"
        self.source, self.size = source, source.size
        self.part = part_path(path)

    def commit(self) -> None:
        self.finish()
        self.part.replace(self.path)

    def discard(self) -> None:
        self.release()
        self.part.unlink(missing_ok=True)

    def _write(self, picture: NDArray[np.uint8], explanation: Explanation) -> None:
        width, height = picture.shape[1], picture.shape[0]
        if (width, height) != self.size:
            video = f"{self.size[0]} x {self.size[1]}"
            raise OutputError(
                f"frame {explanation.index} is {width} x {height} in a video of {video}; split the input."
            )
        self.encode(picture, explanation)

    @abstractmethod
    def encode(self, picture: NDArray[np.uint8], explanation: Explanation) -> None:
        """Adds a picture of the right size."""

    @abstractmethod
    def finish(self) -> None:
        """Writes what is buffered and closes the file under its temporary name."""

    @abstractmethod
    def release(self) -> None:
        """Closes whatever is open. Safe after `finish`, and never raises."""


class _OpenCvVideo(VideoSink):
    """MPEG-4 Part 2 by OpenCV: everywhere, and no sound."""

    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path, source)
        self._fps = source.fps or DEFAULT_FPS
        self._frames = 0
        self.description = "mp4v by OpenCV, no sound; pip install 'whyframe[video]' for H.264 and sound"
        if any(side % 2 for side in self.size):
            width, height = (side - side % 2 for side in self.size)
            self.description += f"; odd size cut to {width} x {height}"
        self._writer = cv2.VideoWriter(str(self.part), cv2.VideoWriter.fourcc(*"mp4v"), self._fps, self.size)
        if not self._writer.isOpened():
            raise OutputError(
                f"OpenCV cannot write {path} at {self.size}; pip install 'whyframe[video]' and try again."
            )

    def encode(self, picture: NDArray[np.uint8], explanation: Explanation) -> None:
        for _ in range(self._repeats(explanation)):
            self._writer.write(picture)
            self._frames += 1

    def finish(self) -> None:
        self._writer.release()

    release = finish

    def _repeats(self, explanation: Explanation) -> int:
        """1, or as many as fill the gap that a live source's dropped frames left: the rate is fixed."""
        if not self.source.live or explanation.timestamp is None:
            return 1
        return max(1, round(explanation.timestamp * self._fps) - self._frames)


def open_sink(output: str | Path, source: Source) -> Sink:
    """Opens the output that fits a source.

    Args:
        output: for an image, an image file; for a folder, a folder (made where its parent exists); for
            anything else, a video file.
        source: what will be explained. Its pictures, size, rate and sound are kept.

    Returns:
        A sink to be used as a context manager.

    Raises:
        OutputError: the place does not exist, cannot be written to, is the input itself, or has a suffix that
            does not fit. Nothing has been written.
    """
    path = Path(output)
    _check_place(path, source)
    if source.kind == "folder":
        return _FolderSink(path, source)
    if source.kind == "image":
        _check_suffix(path, IMAGE_SUFFIXES, "an image")
        return _ImageSink(path)
    _check_suffix(path, VIDEO_SUFFIXES, "a video")
    return _open_video(path, source)


def write_image(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes a picture, whole or not at all.

    Args:
        path: the file; its suffix, one of IMAGE_SUFFIXES, is the format.
        picture: H x W x 3 uint8, BGR.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        _, data = cv2.imencode(path.suffix, picture)
    except cv2.error as error:
        raise OutputError(f"{path} is too large a picture for its format; write it as .png.") from error
    atomic_write(path, data.tobytes())


def check_image_output(path: Path) -> None:
    """Raises an OutputError unless an image can be written under this name."""
    _check_folder(path)
    _check_suffix(path, IMAGE_SUFFIXES, "an image")


def part_path(path: Path) -> Path:
    """The name beside a path under which it is written until it is complete."""
    return path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")


def _open_video(path: Path, source: Source) -> VideoSink:
    try:
        from whyframe.video.sinks_pyav import PyAvVideo  # PyAV is an extra
    except ImportError:
        return _OpenCvVideo(path, source)
    return PyAvVideo(path, source)


def _check_folder(path: Path) -> None:
    parent = path.parent
    if not parent.is_dir():
        raise OutputError(f"the output folder {parent} does not exist; create it first (mkdir {parent}).")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"the output folder {parent} cannot be written to; choose another place.")


def _check_place(path: Path, source: Source) -> None:
    _check_folder(path)
    if source.path is not None and path.resolve() == source.path.resolve():
        raise OutputError(f"{path} is the input itself; choose another output.")
    if path.exists() and path.is_dir() != (source.kind == "folder"):
        wanted = "a folder" if source.kind == "folder" else "a file name"
        raise OutputError(
            f"{path} is {'a folder' if path.is_dir() else 'a file'}; a {source.kind} needs {wanted}."
        )


def _check_suffix(path: Path, known: tuple[str, ...], kind: str) -> None:
    if path.suffix.lower() not in known:
        raise OutputError(
            f"{path.name} does not name {kind} that whyframe writes; end it in {', '.join(known)}."
        )
