"""H.264 video output with the input's sound, written by PyAV.

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
from whyframe.video.image_sources import AnimationSource
from whyframe.video.sink import DEFAULT_FPS, VideoSink
from whyframe.video.sound import Sound, SoundOutput
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
    """H.264 video with the input's exact frame rate and timestamps, and with its sound.

    The sound is copied unchanged where the format holds it, and encoded as AAC where it does not.

    Args:
        path: Path of the video.
        source: The source of the frames.

    Raises:
        OutputError: The file cannot be created, or its format does not hold the streams.
    """

    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path, source)
        self._sound: SoundOutput | None = None
        with _as_output_error(path), contextlib.ExitStack() as undo:
            undo.callback(self._part.close)
            ways = self._sound_ways()
            for position, (way, note) in enumerate(ways):
                try:
                    self._start(way)
                except (av.FFmpegError, ValueError):  # noqa: PERF203 - a format may refuse a sound only here
                    self.release()
                    if position == len(ways) - 1:
                        raise
                else:
                    self.description = "H.264 by PyAV" + note
                    break
            undo.pop_all()
        self._last = -1

    def encode(self, image: NDArray[np.uint8], explanation: Explanation) -> None:
        """Encode a frame, and copy the sound up to the frame's time."""
        frame = _to_yuv(image, str(self._video.pix_fmt))
        self._shown = explanation.index
        self._last = frame.pts = max(self._ticks(explanation), self._last + 1)
        frame.time_base = self._time_base
        with _as_output_error(self.path):
            self._container.mux(self._video.encode(frame))
            self._copy_sound(until=float(frame.pts * self._time_base))

    def finish(self) -> None:
        """Flush the encoder and copy the sound of the explained part, or all of it after the last frame."""
        with _as_output_error(self.path):
            self._container.mux([self._held(packet) for packet in self._video.encode(None)])
            end = float((self._last + _TICKS) * self._time_base)
            if self._sound is not None:
                self._sound.finish(until=math.inf if self.source.exhausted else end)
            self._container.close()

    def release(self) -> None:
        """Close the output and the file that the sound comes from."""
        if self._sound is not None:
            self._sound.close()
        with contextlib.suppress(av.FFmpegError):
            self._container.close()

    def _sound_ways(self) -> list[tuple[str | None, str]]:
        """Return the ways to write the sound, best first, each with what the description has to add about it."""
        sound = Sound.of(self.source)
        if sound is None:
            return [(None, "")]
        sound.close()
        refused = f"{self.path.suffix} cannot hold {sound.codec} sound"
        return [
            ("copy", " with its sound"),
            ("encode", f" with its sound encoded anew as AAC ({refused}; .mkv keeps it unchanged)"),
            (None, f"; {refused}, which is left out (try .mkv)"),
        ]

    def _start(self, way: str | None) -> None:
        """Open the output and write its header.

        Args:
            way: ``"copy"`` or ``"encode"`` for the sound; None for no sound.
        """
        # "file:" keeps a colon in the name from being taken for a protocol.
        self._container = av.open(f"file:{self.part}", "w")
        rate, pixel_aspect = _rate_and_pixel_aspect(self.source)
        self._time_base = 1 / (rate * _TICKS)
        self._video = self._add_video(rate, pixel_aspect)
        self._sound = None
        sound = Sound.of(self.source) if way else None
        if sound is not None:
            self._sound = SoundOutput(self._container, sound, encode=way == "encode")
        self._container.start_encoding()

    def _held(self, packet: av.Packet) -> av.Packet:
        """Let the last frame of an animation be shown as long as in the input: no later frame ends it."""
        if isinstance(self.source, AnimationSource) and self.source.durations and packet.pts == self._last:
            packet.duration = round(self.source.durations[self._shown] / self._time_base)
        return packet

    def _add_video(self, rate: Fraction, pixel_aspect: Fraction) -> av.VideoStream:
        # Without B-frames, the packet of the last frame is the last packet, whose duration ends the video.
        options = {**_OPTIONS, "bf": "0"} if isinstance(self.source, AnimationSource) else _OPTIONS
        stream = self._container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height = self.size
        # 4:2:0 halves the colour planes, which an odd size does not allow.
        stream.pix_fmt = "yuv444p" if any(side % 2 for side in self.size) else "yuv420p"
        stream.codec_context.time_base = self._time_base
        stream.codec_context.colorspace = _BT_601  # players guess by the frame size where it is not stated
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        return stream

    def _copy_sound(self, until: float) -> None:
        if self._sound is not None:
            self._sound.write(until)

    def _ticks(self, explanation: Explanation) -> int:
        """Return the time of a frame in ticks of the output's clock."""
        even = explanation.index * _TICKS
        if explanation.timestamp is None:
            return even
        ticks = round(explanation.timestamp / self._time_base)
        return even if abs(ticks - even) <= _ROUNDING else ticks


def _to_yuv(image: NDArray[np.uint8], pix_fmt: str) -> av.VideoFrame:
    """Convert a BGR image to the encoder's pixel format.

    For 4:2:0, OpenCV is faster than FFmpeg, and it rounds where FFmpeg truncates.
    """
    if pix_fmt == "yuv420p":
        planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
        return av.VideoFrame.from_ndarray(planes, format=pix_fmt)
    return av.VideoFrame.from_ndarray(image, format="bgr24")


def _rate_and_pixel_aspect(source: Source) -> tuple[Fraction, Fraction]:
    """Return the frame rate in frames per second and the pixel aspect ratio (width over height)."""
    decoder = source.decoder
    if decoder is not None and not source.live and decoder.rate:
        return decoder.rate, decoder.pixel_aspect
    rate = Fraction(source.fps or DEFAULT_FPS).limit_denominator(1001)
    return rate, decoder.pixel_aspect if decoder else Fraction(1)


@contextlib.contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    """Raise an error of PyAV as an OutputError about the given path."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        raise OutputError(
            f"{path} cannot be written ({one_line(error)}); free some space or write elsewhere."
        ) from error
