"""Frames, and the base class of everything that delivers them."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from whyframe.video.decoder import VideoDecoder

__all__ = ["Frame", "Source", "printable"]


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
        kind: ``"image"``, ``"folder"``, ``"video"`` (also a video file at an address), ``"camera"`` or
            ``"stream"``.
        live: True where frames arrive in real time, so that a slow reader has to drop some of them.
        path: Path of the file or folder; None for cameras and addresses.
        files: Image files of an image or folder source, by frame index; empty for other sources.
        size: Width and height in pixels of a video, camera or address; None for an image or a folder.
        fps: Frame rate in frames per second, as the input states it; None where it states no plausible rate.
        count: Number of frames, as the input states it (which may be wrong); None where unknown.
        decoder: The decoder of a video file or an address, with its frame rate, its pixel aspect ratio and the
            times of its damaged frames; None for other sources.
        problems: Messages about everything that could not be read so far, one line each.
        exhausted: True after the last frame was read.
        on_message: Function that is given one line when a live source is lost, and one with the length of the gap
            when it is back, by the thread that reads; it does nothing by default.
    """

    kind: str
    live = False
    path: Path | None = None
    files: tuple[Path, ...] = ()
    size: tuple[int, int] | None = None
    fps: float | None = None
    count: int | None = None
    decoder: VideoDecoder | None = None
    exhausted = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []
        self.on_message: Callable[[str], object] = lambda message: None  # noqa: ARG005
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

    @property
    def damaged(self) -> tuple[float, ...]:
        """Times in seconds of the damaged frames that were met so far."""
        return () if self.decoder is None else self.decoder.damaged

    @abstractmethod
    def _read(self) -> Iterator[Frame]:
        """Yield the frames in order."""

    def take_gap(self, index: int) -> float | None:  # noqa: ARG002 - for live sources
        """Return the seconds for which a live source was lost before a frame; None where it was not.

        Args:
            index: Index of the frame; gaps before it are returned only once.
        """
        return None

    def stop(self) -> None:
        """Make a read that another thread waits for end soon, where it can."""

    def close(self) -> None:
        """Release the file or device. Safe to call twice."""


def printable(path: str | Path) -> str:
    """Return a path as text that any terminal takes: bytes that are not UTF-8 become replacement characters."""
    return os.fsencode(path).decode("utf-8", "replace")
