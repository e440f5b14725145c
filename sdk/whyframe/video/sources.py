"""Sources of frames: a video, an image, a folder of images, a camera, or a network address."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import SourceError
from whyframe.opencv import IMAGE_SUFFIXES, quiet_opencv
from whyframe.preprocess import read_image
from whyframe.video.containers import is_truncated

__all__ = ["Frame", "Source", "open_source"]


NETWORK_TIMEOUT_MS = 5000
"""Milliseconds after which a network address that does not answer is given up."""

_ADDRESS = re.compile(r"^[a-z][a-z0-9+]+://", re.IGNORECASE)
_CREDENTIALS = re.compile(r"//[^/@]*@")


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded image of a source.

    Attributes:
        image: H x W x 3 uint8 BGR, upright (EXIF and rotation metadata applied).
        index: Position in the source, from 0. Unreadable files of a folder are counted, so that indices can
            have gaps.
        timestamp: Seconds from the start of a video, or since a live source was opened; None for images.
    """

    image: NDArray[np.uint8]
    index: int
    timestamp: float | None = None


class Source(Iterator[Frame], ABC):
    """Iterator over the frames of one input; iterate it once, then close it.

    Attributes:
        name: Name of the source in messages; of an address, the part without user and password.
        kind: ``"image"``, ``"folder"``, ``"video"``, ``"camera"`` or ``"stream"``.
        live: True where frames arrive in real time, so that a slow reader has to drop some of them.
        path: Path of the file or folder; None for cameras and addresses.
        files: Image files of an image or folder source, by frame index; empty for other sources.
        size: Width and height in pixels of a video, camera or address; None for an image or a folder.
        fps: Frame rate in frames per second, as the input states it; None where it states no plausible rate.
        count: Number of frames, as the input states it (which may be wrong); None where unknown.
        problems: Messages about everything that could not be read so far, one line each.
        exhausted: True after the last frame was read.
    """

    kind: str
    live = False
    path: Path | None = None
    files: tuple[Path, ...] = ()
    size: tuple[int, int] | None = None
    fps: float | None = None
    count: int | None = None
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
        """Release the file or device. Safe to call twice."""


class _ImageFiles(Source):
    """One image file, or the image files of a folder in the order of their names."""

    def __init__(self, path: Path, files: tuple[Path, ...], kind: str) -> None:
        self.path, self.files, self.kind, self.count = path, files, kind, len(files)
        super().__init__(str(path))

    def _read(self) -> Iterator[Frame]:
        for index, file in enumerate(self.files):
            try:
                with quiet_opencv():
                    image = read_image(file)
            except SourceError as error:  # noqa: PERF203 - one unreadable file must not end the source
                self.problems.append(str(error))
            else:
                yield Frame(image, index)


class _Capture(Source):
    """Video file, camera or network stream that cv2.VideoCapture reads."""

    def __init__(self, capture: cv2.VideoCapture, name: str, kind: str, path: Path | None = None) -> None:
        self.kind, self.path = kind, path
        super().__init__(name)
        self._capture = capture
        self._opened = time.monotonic()
        self._first = self._grab()
        if self._first is None:
            capture.release()
            problem = (
                "is cut short before its first frame" if path and is_truncated(path) else "delivers no frame"
            )
            raise SourceError(
                f"{name} {problem}; check that another program shows it, or copy or record it again."
            )
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
        self._report_truncation(index)

    def _grab(self) -> NDArray[np.uint8] | None:
        with quiet_opencv():
            ok, image = self._capture.read()
        return image if ok else None  # type: ignore[return-value]

    def _timestamp(self, index: int) -> float:
        """Return the time in seconds of the frame read last."""
        if self.live:
            return time.monotonic() - self._opened
        position = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return position if position > 0 or index == 0 or not self.fps else index / self.fps

    def _report_truncation(self, frames: int) -> None:
        """Add a problem where the file ends earlier than its container states.

        Args:
            frames: Number of frames that could be read.
        """
        if self.path is None or not is_truncated(self.path):
            return
        stated = f" of the {self.count} frames that it states" if frames < (self.count or 0) else " frames"
        self.problems.append(
            f"{self.name} is cut short: {frames}{stated} could be read; copy or record it again."
        )


def open_source(source: str | Path | int | Source) -> Source:
    """Open a source of frames.

    Args:
        source: Path of a video file, of an image file (recognised by its suffix: see IMAGE_SUFFIXES) or of a
            folder of images; index of a camera (0 or "0"); network address ("rtsp://...", "http://..."); or a
            Source, which is returned unchanged.

    Returns:
        The open source. The first frame of a video, camera or address, and a single image, have been decoded
        already, so that a damaged input fails here.

    Raises:
        SourceError: The input does not exist or cannot be read. An address that does not answer fails after
            5 seconds.
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
            f"{path} does not exist; check the path (a camera is given by its number, as in 0)."
        )
    if path.suffix.lower() in IMAGE_SUFFIXES:
        with quiet_opencv():
            read_image(path)  # a damaged image fails here
        return _ImageFiles(path, (path,), "image")
    return _open_video(path)


def _open_folder(path: Path) -> Source:
    files = tuple(
        sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())
    )
    if not files:
        raise SourceError(
            f"{path} holds no images; put files that end in {', '.join(IMAGE_SUFFIXES)} directly into it."
        )
    return _ImageFiles(path, files, "folder")


def _open_video(path: Path) -> Source:
    with quiet_opencv():
        capture = cv2.VideoCapture(str(path))
    if capture.isOpened():
        return _Capture(capture, str(path), "video", path)
    if is_truncated(path):
        raise SourceError(
            f"{path} is cut short and cannot be opened (its index is missing); copy or record it again."
        )
    raise SourceError(
        f"{path} is not a video that OpenCV can read; give a video, an image, a folder or a camera."
    )


def _open_camera(index: int) -> Source:
    with quiet_opencv():
        capture = cv2.VideoCapture(index)
    if not capture.isOpened():
        raise SourceError(
            f"camera {index} cannot be opened; connect it, close the program that uses it, or try camera 0."
        )
    return _Capture(capture, f"camera {index}", "camera")


def _open_address(address: str) -> Source:
    name = _CREDENTIALS.sub("//", address)
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        NETWORK_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        NETWORK_TIMEOUT_MS,
    ]
    with quiet_opencv():
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise SourceError(
            f"{name} does not answer with a video; check the address, the network and the password."
        )
    return _Capture(capture, name, "stream")
