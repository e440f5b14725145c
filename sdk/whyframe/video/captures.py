"""Sources that deliver a video: files and addresses by PyAV, cameras by OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import SourceError
from whyframe.opencv import quiet_opencv
from whyframe.video.containers import is_truncated
from whyframe.video.damage import describe_damage
from whyframe.video.source import Frame, Source

if TYPE_CHECKING:
    from whyframe.video.decoder import VideoDecoder

__all__ = ["CameraSource", "VideoSource"]


class VideoSource(Source):
    """Video file or network stream that PyAV decodes.

    Args:
        decoder: The open decoder, which the source closes.
        name: Name of the source in messages.
        live: True where frames arrive in real time.
        path: Path of a local file; None for an address.

    Raises:
        SourceError: Not one frame can be decoded.
    """

    def __init__(self, decoder: VideoDecoder, name: str, *, live: bool, path: Path | None = None) -> None:
        self.kind, self.live, self.path, self.decoder = "stream" if live else "video", live, path, decoder
        super().__init__(name)
        self._opened = time.monotonic()
        self._images = decoder.images()
        self._first = next(self._images, None)
        if self._first is None:
            decoder.close()
            raise SourceError(f"{name} {self._why_empty()}; check that another program shows it.")
        image = self._first[0]
        self.size = (image.shape[1], image.shape[0])
        self.fps = float(decoder.rate) if decoder.rate else None
        self.count = None if live else decoder.count

    def close(self) -> None:
        """Close the input."""
        if self.decoder is not None:
            self.decoder.close()

    def _read(self) -> Iterator[Frame]:
        index, item = 0, self._first
        self._first = None
        while item is not None:
            image, seconds = item
            yield Frame(image, index + self._late, time.monotonic() - self._opened if self.live else seconds)
            index, item = index + 1, next(self._images, None)
        self._report_end(index)

    @property
    def _late(self) -> int:
        """Number of frames of a live source that were dropped before they were decoded."""
        assert self.decoder is not None
        return 0 if self.decoder.backlog is None else self.decoder.backlog.dropped

    def _why_empty(self) -> str:
        assert self.decoder is not None
        if self.path is not None and is_truncated(self.path):
            return "is cut short before its first frame"
        return f"delivers no frame ({self.decoder.broken})" if self.decoder.broken else "delivers no frame"

    def _report_end(self, frames: int) -> None:
        """Add a problem for damaged frames, and where the input ends earlier than it states.

        Args:
            frames: Number of frames that could be read.
        """
        assert self.decoder is not None
        stated = f" of the {self.count} frames that it states" if frames < (self.count or 0) else " frames"
        damaged = self.damaged
        if self.path is not None and is_truncated(self.path):
            # What the missing end cost is no damage in the middle.
            damaged = tuple(seconds for seconds in damaged if seconds < self.decoder.clock.last)
            self.problems.append(
                f"{self.name} is cut short: {frames}{stated} could be read; copy or record it again."
            )
        elif self.decoder.broken:
            self.problems.append(
                f"{self.name} broke off: {frames}{stated} could be read ({self.decoder.broken}); try again."
            )
        if damaged:
            self.problems.append(
                f"{self.name} is damaged: {describe_damage(damaged)}, and the frames after them can show "
                "traces up to the next key frame; copy or record it again."
            )


class CameraSource(Source):
    """Camera of this machine, by its number.

    Args:
        index: Number of the camera, from 0.
        live: False where every frame is wanted, however old.

    Raises:
        SourceError: The camera cannot be opened or delivers no frame.
    """

    kind = "camera"

    def __init__(self, index: int, *, live: bool = True) -> None:
        self.live = live
        super().__init__(f"camera {index}")
        with quiet_opencv():
            self._capture = cv2.VideoCapture(index)
        self._opened = time.monotonic()
        self._first = self._grab() if self._capture.isOpened() else None
        if self._first is None:
            self._capture.release()
            raise SourceError(
                f"{self.name} cannot be opened; connect it, close the program that uses it, or try camera 0."
            )
        self.size = (self._first.shape[1], self._first.shape[0])
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps <= 1000 else None

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()

    def _read(self) -> Iterator[Frame]:
        image, index = self._first, 0
        self._first = None
        while image is not None:
            yield Frame(image, index, time.monotonic() - self._opened)
            image, index = self._grab(), index + 1

    def _grab(self) -> NDArray[np.uint8] | None:
        with quiet_opencv():
            ok, image = self._capture.read()
        return image if ok else None  # type: ignore[return-value]
