"""Base classes of outputs for explained frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OutputError, StreamError
from whyframe.parts import Part
from whyframe.video.sources import Source

if TYPE_CHECKING:
    from whyframe.explanation import Explanation

__all__ = ["DEFAULT_FPS", "Sink", "VideoSink"]

DEFAULT_FPS = 30.0
"""Frame rate of a video whose source states none."""


class Sink(ABC):
    """Output for explanations that gets its final name only when it is complete.

    As a context manager, a sink commits when the block ends, after Ctrl-C, at the end of a live source, and where the
    reader of a pipe has gone, which keeps the frames written so far. After any other error it discards everything.
    Without a frame it creates no output.

    Attributes:
        path: Path of the output.
        description: Format of the output, for the summary that a command prints.
        written: Number of explanations written so far.
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
        keeps = kind is None or issubclass(kind, KeyboardInterrupt | BrokenPipeError | StreamError)
        try:
            if self.written and keeps:
                self.commit()
        finally:
            self.discard()

    def write(self, explanation: Explanation, image: NDArray[np.uint8] | None = None) -> None:
        """Add the explanation of the next frame to the output.

        Args:
            explanation: The explanation.
            image: The drawn explanation, H x W x 3 uint8 BGR; None for `Explanation.overlay` without arguments.

        Raises:
            OutputError: The image cannot be written, for example to a full disk; or, in a video, the frame's size
                differs from that of the first frame.
        """
        self._write(explanation.overlay() if image is None else image, explanation)
        self.written += 1

    @abstractmethod
    def _write(self, image: NDArray[np.uint8], explanation: Explanation) -> None:
        """Add a drawn explanation, H x W x 3 uint8 BGR."""

    @abstractmethod
    def commit(self) -> None:
        """Finish the output and give it its final name."""

    @abstractmethod
    def discard(self) -> None:
        """Remove everything that was not committed."""


class VideoSink(Sink):
    """Video that has a temporary name until it is finished; subclasses encode the frames.

    Args:
        path: Path of the video.
        source: The source of the frames, which has a frame size.

    Attributes:
        source: The source of the frames.
        size: Width and height of every frame in pixels.
        part: Temporary path beside ``path``.
    """

    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path)
        assert source.size is not None, (
            "images, the only sources without a frame size, are not written as a video"
        )
        self.source, self.size = source, source.size
        self._part = Part(path)
        self.part = self._part.path

    def commit(self) -> None:
        """Finish the video and rename it to its final name."""
        self.finish()
        self.part.replace(self.path)

    def discard(self) -> None:
        """Close the video and remove its temporary file."""
        self.release()
        self._part.close()

    def _write(self, image: NDArray[np.uint8], explanation: Explanation) -> None:
        width, height = image.shape[1], image.shape[0]
        if (width, height) != self.size:
            video = f"{self.size[0]} x {self.size[1]}"
            message = f"frame {explanation.index} is {width} x {height} in a video of {video}"
            if self.source.live:  # what was written before is kept
                raise StreamError(f"{message}; start a new output for the new size.", explanation.index)
            raise OutputError(f"{message}; split the input.")
        self.encode(image, explanation)

    @abstractmethod
    def encode(self, image: NDArray[np.uint8], explanation: Explanation) -> None:
        """Add a drawn explanation whose size is that of the video.

        Args:
            image: H x W x 3 uint8 BGR.
            explanation: The explanation that was drawn, which has the index and time of the frame.
        """

    @abstractmethod
    def finish(self) -> None:
        """Write buffered frames and close the temporary file."""

    @abstractmethod
    def release(self) -> None:
        """Close open files. Safe to call after `finish`; never raises."""
