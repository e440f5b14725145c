"""Where frames come from: a video, an image, a folder of images, a camera, or a network address."""

from __future__ import annotations

import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import SourceError
from whyframe.preprocess import read_image
from whyframe.video.containers import is_cut_short

__all__ = ["IMAGE_SUFFIXES", "Frame", "Source", "open_source"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_NETWORK_TIMEOUT_MS = 5000
_ADDRESS = re.compile(r"^[a-z][a-z0-9+]+://", re.IGNORECASE)
_CREDENTIALS = re.compile(r"//[^/@]*@")


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture.

    Attributes:
        image: H x W x 3 uint8, BGR, upright (EXIF and rotation metadata applied).
        index: position in the source, from 0. Unreadable files of a folder keep theirs, so indices can jump.
        timestamp: seconds from the start of a video, or since a live source was opened; None for images.
    """

    image: NDArray[np.uint8]
    index: int
    timestamp: float | None = None


class Source(Iterator[Frame], ABC):
    """A single pass over the frames of one input; iterate it once, then close it.

    Attributes:
        name: how messages call the source; an address without its user and password.
        kind: "image", "folder", "video", "camera" or "stream".
        live: True where frames arrive at their own pace, so that a slow reader must drop some.
        path: the file or folder, None for cameras and addresses.
        files: the pictures of an image or a folder source, by frame index; empty for others.
        size: (width, height) in pixels; None for a folder, where each picture has its own.
        fps: frames a second as announced, None where nothing sensible is.
        count: frames announced (a container may be wrong), None where unknown.
        problems: one line for each thing that could not be read so far.
        truncated: True once a video ended before its container says.
        exhausted: True once the last frame was read.
    """

    kind: str
    live = False
    path: Path | None = None
    files: tuple[Path, ...] = ()
    size: tuple[int, int] | None = None
    fps: float | None = None
    count: int | None = None
    truncated = False
    exhausted = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []
        self._frames = self._read()

    def __next__(self) -> Frame:
        try:
            return next(self._frames)
        except StopIteration:
            self.exhausted = True
            raise

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _read(self) -> Iterator[Frame]:
        """Yield the frames in order."""

    def close(self) -> None:
        """Release what the source holds. Safe to call twice."""


class _Pictures(Source):
    """One image, or the images of a folder in the order of their names."""

    def __init__(self, path: Path, files: tuple[Path, ...], kind: str) -> None:
        self.path, self.files, self.kind, self.count = path, files, kind, len(files)
        super().__init__(str(path))

    def _read(self) -> Iterator[Frame]:
        for index, file in enumerate(self.files):
            try:
                with _quiet_opencv():
                    image = read_image(file)
            except SourceError as error:  # noqa: PERF203 - each file fails by itself
                self.problems.append(str(error))
            else:
                yield Frame(image, index)


class _Capture(Source):
    """Anything that cv2.VideoCapture opens."""

    def __init__(self, capture: cv2.VideoCapture, name: str, kind: str, path: Path | None = None) -> None:
        self.kind, self.path = kind, path
        super().__init__(name)
        self._capture = capture
        self._opened = time.monotonic()
        self._first = self._grab()
        if self._first is None:
            capture.release()
            cut = "is cut short before its first frame" if path and is_cut_short(path) else "gives no frame"
            raise SourceError(f"{name} {cut}: check that it plays elsewhere; copy or record it again.")
        self.size = (self._first.shape[1], self._first.shape[0])
        fps, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.fps = fps if 0 < fps <= 1000 else None
        self.count = int(count) if kind != "camera" and 0 < count < 2**31 else None
        self.live = path is None and self.count is None

    def close(self) -> None:
        """Release the capture."""
        self._capture.release()

    def _read(self) -> Iterator[Frame]:
        image, index = self._first, 0
        self._first = None
        while image is not None:
            yield Frame(image, index, self._timestamp(index))
            image, index = self._grab(), index + 1
        self._report_break(index)

    def _grab(self) -> NDArray[np.uint8] | None:
        with _quiet_opencv():
            ok, image = self._capture.read()
        return image if ok else None  # type: ignore[return-value]

    def _timestamp(self, index: int) -> float:
        """Seconds of the frame that was read last."""
        if self.live:
            return time.monotonic() - self._opened
        position = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return position if position > 0 or index == 0 or not self.fps else index / self.fps

    def _report_break(self, frames: int) -> None:
        """Say so where the file's bytes end before its container does."""
        if self.path is None or not is_cut_short(self.path):
            return
        self.truncated = True
        announced = f" of the {self.count} frames it announces" if frames < (self.count or 0) else " frames"
        self.problems.append(
            f"{self.name} is cut short: {frames}{announced} could be read; copy or record it again."
        )


def open_source(source: str | Path | int | Source) -> Source:
    """Open whatever holds frames.

    Args:
        source: a video file, an image (by its suffix: see IMAGE_SUFFIXES), a folder of images, a camera index
            (0 or "0"), an address ("rtsp://...", "http://..."), or a Source, which is returned as it is.

    Returns:
        The open source; its first frame has been decoded already, so that a broken one fails here.

    Raises:
        SourceError: nothing readable is there. Addresses are given up after 5 seconds.
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, int) or (isinstance(source, str) and source.isdecimal()):
        return _open_camera(int(source))
    if isinstance(source, str) and _ADDRESS.match(source):
        return _open_address(source)
    path = Path(source)
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise SourceError(
            f"{path} does not exist: check the path (a camera is given by its number, as in 0)."
        )
    if path.suffix.lower() in IMAGE_SUFFIXES:
        with _quiet_opencv():
            read_image(path)  # a broken one fails here
        return _Pictures(path, (path,), "image")
    return _open_video(path)


def _open_folder(path: Path) -> Source:
    files = tuple(
        sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())
    )
    if not files:
        raise SourceError(
            f"{path} holds no images: whyframe looks for {', '.join(IMAGE_SUFFIXES)} right inside it."
        )
    return _Pictures(path, files, "folder")


def _open_video(path: Path) -> Source:
    with _quiet_opencv():
        capture = cv2.VideoCapture(str(path))
    if capture.isOpened():
        return _Capture(capture, str(path), "video", path)
    if is_cut_short(path):
        raise SourceError(
            f"{path} is cut short and cannot be opened (its index is missing): copy or record it again."
        )
    raise SourceError(
        f"{path} is not a video that OpenCV can read: give a video, an image, a folder or a camera."
    )


def _open_camera(index: int) -> Source:
    with _quiet_opencv():
        capture = cv2.VideoCapture(index)
    if not capture.isOpened():
        raise SourceError(
            f"camera {index} cannot be opened: plug it in, close the program that holds it, or try 0."
        )
    return _Capture(capture, f"camera {index}", "camera")


def _open_address(address: str) -> Source:
    name = _CREDENTIALS.sub("//", address)
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        _NETWORK_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        _NETWORK_TIMEOUT_MS,
    ]
    with _quiet_opencv():
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise SourceError(
            f"{name} does not answer with a video: check the address, the network and the password."
        )
    return _Capture(capture, name, "stream")


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's and FFmpeg's own warnings off stderr: failures are raised or reported as problems."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once by OpenCV; -8 is AV_LOG_QUIET
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
