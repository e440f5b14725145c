"""Decoder of video files and addresses: PyAV, whose wheel carries FFmpeg.

Importing this module imports PyAV, which takes time; import it where a video is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import SourceError, one_line
from whyframe.passwords import hide_passwords
from whyframe.video.backlog import Backlog
from whyframe.video.clock import StreamClock
from whyframe.video.damage import DamageLog
from whyframe.video.deinterlace import Deinterlacer
from whyframe.video.display_matrix import Upright, upright

__all__ = ["VideoDecoder", "choose_video", "open_input"]

# Formats whose clock may start anew in the middle of a file (AVFMT_TS_DISCONT in FFmpeg).
_TIMES_JUMP = {"mpegts", "mpeg", "vob", "hls", "rtsp", "sdp"}
# A demuxer that fails this often in a row reads nothing more.
_MOST_ERRORS = 1000
# Codecs with packets of which no frame is shown: a packet without a frame is no loss.
_HIDDEN_FRAMES = {"vp8", "vp9", "av1", "libdav1d", "libvpx", "libvpx-vp9"}
_HIGHEST_RATE = 1000
_DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


class VideoDecoder:
    """Decoder of the default video track of a file or an address.

    Frames are upright (rotated and mirrored as the display matrix says), progressive (interlaced ones pass bwdif)
    and in the order of display. A damaged frame costs only itself.

    Args:
        location: URL or path for FFmpeg; of a file, ``"file:"`` and the path.
        live: True for the lowest delay; False for the highest throughput.
        timeout: Seconds after which an address that sends nothing is given up; None for no limit.
        options: Options of FFmpeg's protocol and demuxer; None for none.

    Attributes:
        location: The location.
        format: Short name of the container in FFmpeg, for example ``"mpjpeg"``.
        rate: Frames per second as the container states them; None where it states no plausible rate.
        count: Number of frames as the container states or implies it; None where unknown.
        broken: Reason in one line why reading ended before the end of the input; None where it did not.
        backlog: Limit of the delay of a live input, which counts the frames that it drops; None for other inputs.
        clock: Time line of the video, which its sound follows.
        jumps_forward: True where a long gap in the times means a new time line.

    Raises:
        SourceError: The input cannot be opened or has no video track that FFmpeg decodes.
    """

    def __init__(
        self,
        location: str,
        *,
        live: bool = False,
        timeout: float | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        self.location, self._timeout, self._options = location, timeout, options
        self._container = open_input(location, timeout, options)
        self.format = self._container.format.name
        try:
            self._stream = choose_video(self._container)
        except SourceError:
            self._container.close()
            raise
        # Threads that work on several frames each hold one back, which a live source should not.
        self._stream.thread_type = "SLICE" if live else "AUTO"
        # What has a length is a recording, of which everything has arrived already or will be sent without a pause.
        self.backlog = Backlog() if live and self._container.duration is None else None
        self.rate = _plausible_rate(self._stream)
        self.count = self._count()
        self.broken: str | None = None
        self._step = float(1 / (self.rate or 30))
        self.jumps_forward = bool(_TIMES_JUMP & set(self.format.split(",")))
        self.clock = StreamClock(self._step, jumps_forward=self.jumps_forward)
        self._upright: Upright | None = None
        self._matrix = b""
        self._damage = DamageLog(self._step)
        self._position = 0.0

    @property
    def damaged(self) -> tuple[float, ...]:
        """Times in seconds of the frames that were lost or repaired by guess, so far, in order."""
        return self._damage.times

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a displayed pixel over its height; 1 where the video does not state it."""
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        turned = self._upright is not None and self._upright(np.zeros((1, 2, 3), np.uint8)).shape[0] == 2
        return 1 / aspect if turned else aspect

    def images(self) -> Iterator[tuple[NDArray[np.uint8], float]]:
        """Yield each image, H x W x 3 uint8 BGR and contiguous, with its time in seconds from the start.

        After the last image `broken` says whether the input ended or failed.
        """
        deinterlacer = Deinterlacer()
        for decoded in self._decoded():
            self._note_matrix(decoded)
            for frame in deinterlacer.frames(decoded):
                yield self._finished(frame)
        for frame in deinterlacer.frames(None):
            yield self._finished(frame)
        if self.broken is None:
            tag = _tagged_duration(self._stream)
            stated = tag or (self.count or 0) * self._step
            self._damage.end(self.clock.last, stated, reliable=tag is not None)

    def open_again(self) -> av.container.InputContainer:
        """Open the same input a second time, for its sound."""
        return open_input(self.location, self._timeout, self._options)

    def close(self) -> None:
        """Close the input. Safe to call twice."""
        self._container.close()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            seconds = _seconds(packet.pts, packet.time_base)
            if seconds is not None and not packet.is_discard:
                self.clock.start(seconds)
                self._position = self.clock.on_time_line(seconds)
                if self._stream.codec_context.name not in _HIDDEN_FRAMES:
                    self._damage.packet(self._position)
                if packet.is_corrupt:  # the container misses a part of it, or what stood before it
                    self._damage.suspect(self._position)
            yield from self._decode(packet)
        yield from self._decode(None)

    def _decode(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        """Return the frames that a packet completes; None completes the last ones."""
        try:
            return self._stream.decode(packet)
        except av.EOFError:  # the last frames were delivered already
            return []
        except av.FFmpegError:
            self._damage.error(self._position)
            return []

    def _packets(self) -> Iterator[av.Packet]:
        """Yield the packets of the video track, past errors of the demuxer."""
        errors = 0
        while errors < _MOST_ERRORS:
            try:
                packets = self._container.demux(self._stream)
                for packet in packets if self.backlog is None else self.backlog.newest(packets):
                    errors = 0
                    yield packet
                return  # noqa: TRY300 - the loop yields, so that it cannot move to an else
            except IndexError:  # noqa: PERF203 - PyAV, at the end, where a track appeared after the file was opened
                return
            except av.InvalidDataError:
                errors += 1
                self._damage.error(self._position)
            except (av.FFmpegError, OSError) as error:
                self.broken = one_line(error)
                return

    def _finished(self, frame: av.VideoFrame) -> tuple[NDArray[np.uint8], float]:
        before = self.clock.last
        seconds = self.clock.time(_seconds(frame.pts, frame.time_base))
        self._damage.frame(before, seconds, corrupt=frame.is_corrupt)
        image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
        return (image if self._upright is None else self._upright(image)), seconds

    def _note_matrix(self, frame: av.VideoFrame) -> None:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
        matrix = b"" if data is None else bytes(data)
        if matrix != self._matrix:
            self._matrix, self._upright = matrix, upright(matrix) if matrix else None

    def _count(self) -> int | None:
        stated = self._stream.frames
        duration = _seconds(self._stream.duration, self._stream.time_base)
        if duration is None and self._container.duration is not None:
            duration = self._container.duration / av.time_base
        if stated <= 0 and duration and self.rate:
            stated = round(duration * float(self.rate))
        return stated if 0 < stated < 2**31 else None


def open_input(
    location: str, timeout: float | None = None, options: dict[str, str] | None = None
) -> av.container.InputContainer:
    """Open a container for reading.

    Args:
        location: URL or path for FFmpeg.
        timeout: Seconds to wait for an address; None for no limit.
        options: Options of FFmpeg's protocol and demuxer; None for none.

    Raises:
        SourceError: FFmpeg cannot open it. The message is FFmpeg's reason alone.
    """
    try:
        return av.open(location, "r", options=dict(options or {}), metadata_errors="replace", timeout=timeout)
    except (av.FFmpegError, OSError, ValueError) as error:
        # Its traceback, which may be logged as the cause, would show the password of an address.
        error.args = tuple(hide_passwords(part) if isinstance(part, str) else part for part in error.args)
        raise SourceError(one_line(getattr(error, "strerror", None) or error)) from error


def choose_video(container: av.container.InputContainer) -> av.VideoStream:
    """Return the default video track, which is not a cover picture.

    Raises:
        SourceError: There is none, or FFmpeg has no decoder for it.
    """
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    tracks = [track for track in container.streams.video if not track.disposition & still]
    best = container.streams.best("video")
    track = best if best in tracks else next(iter(tracks), None)
    if not isinstance(track, av.VideoStream):
        raise SourceError("no video track")
    if track.codec_context is None:
        raise SourceError("no decoder for its video track")
    return track


def _plausible_rate(stream: av.VideoStream) -> Fraction | None:
    rates = (stream.average_rate, stream.guessed_rate)
    return next((rate for rate in rates if rate and 0 < rate <= _HIGHEST_RATE), None)


def _seconds(stamp: int | None, time_base: Fraction | None) -> float | None:
    return None if stamp is None or time_base is None else float(stamp * time_base)


def _tagged_duration(stream: av.VideoStream) -> float | None:
    """Return the duration in seconds that Matroska files state of each track; None where there is none.

    A Matroska demuxer ends without an error where damage hides the rest of the file.
    """
    found = _DURATION.fullmatch(stream.metadata.get("DURATION", "").rstrip("\0"))
    return None if found is None else sum(60**power * float(found[3 - power]) for power in range(3))
