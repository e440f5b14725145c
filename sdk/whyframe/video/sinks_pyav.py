"""H.264 video output with the input's sound, written by PyAV (the extra ``video``).

Importing this module requires PyAV.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OutputError, one_line
from whyframe.video.sink import DEFAULT_FPS, VideoSink
from whyframe.video.sources import Source

if TYPE_CHECKING:
    from whyframe.explanation import Explanation

__all__ = ["PyAvVideo"]

# Clock ticks of the output in a frame's duration: fine enough for the uneven timestamps of a phone's video.
_TICKS = 100
# A timestamp this near (in ticks) to an even rate was rounded by its container, as Matroska does.
_ROUNDING = 10
# SMPTE 170M in ITU-T H.273: the matrix of the colour conversions in this module.
_BT_601 = 6
# Visually lossless and fast, because the encoder shares its cores with the inference.
_OPTIONS = {"preset": "veryfast", "crf": "20"}


class PyAvVideo(VideoSink):
    """H.264 video with the input's exact frame rate and timestamps, and with its sound copied unchanged.

    Args:
        path: Path of the video.
        source: The source of the frames.

    Raises:
        OutputError: The file cannot be created, or its format does not hold the streams.
    """

    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path, source)
        self._sound: _Sound | None = None
        with _as_output_error(path), contextlib.ExitStack() as undo:
            undo.callback(self._part.close)
            self._container = undo.enter_context(av.open(str(self.part), "w"))
            rate, pixel_aspect = _rate_and_pixel_aspect(source)
            self._time_base = 1 / (rate * _TICKS)
            self._video = self._add_video(rate, pixel_aspect)
            self.description = "H.264 by PyAV" + self._add_sound()
            self._container.start_encoding()
            undo.pop_all()
        self._last = -1

    def encode(self, image: NDArray[np.uint8], explanation: Explanation) -> None:
        """Encode a frame, and copy the sound up to the frame's time."""
        frame = _to_yuv(image, str(self._video.pix_fmt))
        self._last = frame.pts = max(self._ticks(explanation), self._last + 1)
        frame.time_base = self._time_base
        with _as_output_error(self.path):
            self._container.mux(self._video.encode(frame))
            self._copy_sound(until=float(frame.pts * self._time_base))

    def finish(self) -> None:
        """Flush the encoder and copy the sound of the explained part, or all of it after the last frame."""
        with _as_output_error(self.path):
            self._container.mux(self._video.encode(None))
            end = float((self._last + _TICKS) * self._time_base)
            self._copy_sound(until=math.inf if self.source.exhausted else end)
            self._container.close()

    def release(self) -> None:
        """Close the output and the file that the sound comes from."""
        if self._sound is not None:
            self._sound.close()
        with contextlib.suppress(av.FFmpegError):
            self._container.close()

    def _add_video(self, rate: Fraction, pixel_aspect: Fraction) -> av.VideoStream:
        stream = self._container.add_stream("libx264", rate=rate, options=_OPTIONS)
        stream.width, stream.height = self.size
        # 4:2:0 halves the colour planes, which an odd size does not allow.
        stream.pix_fmt = "yuv444p" if any(side % 2 for side in self.size) else "yuv420p"
        stream.codec_context.time_base = self._time_base
        stream.codec_context.colorspace = _BT_601  # players guess by the frame size where it is not stated
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        return stream

    def _add_sound(self) -> str:
        """Add the input's first sound track, if any, and return what the description has to add about it."""
        sound = _Sound.of(self.source)
        if sound is None:
            return ""
        if sound.codec not in self._container.supported_codecs:
            sound.close()
            return f"; {self.path.suffix} cannot hold {sound.codec} sound, which is left out (try .mkv)"
        self._sound = sound
        self._sound_stream = self._container.add_stream_from_template(sound.stream)
        return " with its sound"

    def _copy_sound(self, until: float) -> None:
        if self._sound is None:
            return
        for packet in self._sound.packets(until):
            packet.stream = self._sound_stream
            self._container.mux(packet)

    def _ticks(self, explanation: Explanation) -> int:
        """Return the time of a frame in ticks of the output's clock."""
        even = explanation.index * _TICKS
        if explanation.timestamp is None:
            return even
        ticks = round(explanation.timestamp / self._time_base)
        return even if abs(ticks - even) <= _ROUNDING else ticks


class _Sound:
    """Packets of a video file's first sound track, with times that count from the first video frame."""

    def __init__(self, container: av.container.InputContainer) -> None:
        self.stream = container.streams.audio[0]
        self.codec = self.stream.codec_context.name
        self._container = container
        self._tick = self.stream.time_base or Fraction(1)
        video = container.streams.video[0]
        self._shift = round((video.start_time or 0) * (video.time_base or 1) / self._tick)
        self._packets = self._demux()
        self._next = next(self._packets, None)

    @classmethod
    def of(cls, source: Source) -> _Sound | None:
        """Open the sound of a source; return None where the source has no sound that PyAV can read."""
        if source.kind != "video":
            return None
        with contextlib.suppress(av.FFmpegError):
            container = av.open(str(source.path))
            if container.streams.audio and container.streams.video:
                return cls(container)
            container.close()
        return None

    def packets(self, until: float) -> Iterator[av.Packet]:
        """Yield the remaining packets that start before ``until`` seconds."""
        while self._next is not None and (self._next.pts or 0) * self._tick < until:
            packet, self._next = self._next, next(self._packets, None)
            yield packet

    def close(self) -> None:
        self._container.close()

    def _demux(self) -> Iterator[av.Packet]:
        with contextlib.suppress(av.FFmpegError):  # the sound ends where the file is damaged
            for packet in self._container.demux(self.stream):
                if packet.pts is not None and packet.dts is not None:
                    packet.pts -= self._shift
                    packet.dts -= self._shift
                    yield packet


def _to_yuv(image: NDArray[np.uint8], pix_fmt: str) -> av.VideoFrame:
    """Convert a BGR image to the encoder's pixel format.

    For 4:2:0, OpenCV is faster than FFmpeg, and it rounds where FFmpeg truncates.
    """
    if pix_fmt == "yuv420p":
        planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
        return av.VideoFrame.from_ndarray(planes, format=pix_fmt)
    return av.VideoFrame.from_ndarray(image, format="bgr24")


def _rate_and_pixel_aspect(source: Source) -> tuple[Fraction, Fraction]:
    """Return the frame rate in frames per second and the pixel aspect ratio (width over height).

    Both come from the container where it states them: OpenCV rounds the rate and ignores the aspect ratio.
    """
    rate, aspect = Fraction(source.fps or DEFAULT_FPS).limit_denominator(1001), Fraction(1)
    if source.kind == "video":
        with contextlib.suppress(av.FFmpegError, IndexError), av.open(str(source.path)) as container:
            video = container.streams.video[0]
            rate = video.average_rate or rate
            aspect = video.sample_aspect_ratio or aspect
            if (video.width, video.height) != source.size:  # OpenCV rotated the frames upright
                aspect = 1 / aspect
    return rate, aspect


@contextlib.contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    """Raise an error of PyAV as an OutputError about the given path."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        raise OutputError(
            f"{path} cannot be written ({one_line(error)}); free some space or write elsewhere."
        ) from error
