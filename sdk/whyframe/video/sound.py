"""Sound of a video file, copied or encoded anew into the explained video.

Importing this module imports PyAV.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from whyframe.errors import SourceError
from whyframe.video.clock import StreamClock
from whyframe.video.source import Source

__all__ = ["ENCODED_AS", "Sound", "SoundOutput"]

ENCODED_AS = "aac"
"""Codec of sound that the output's format cannot hold as it is: every format that is written holds it."""


class Sound:
    """Packets of a file's default sound track, with times that count from the first video frame.

    Attributes:
        stream: The sound track.
        codec: Name of its codec in FFmpeg, for example ``"opus"``.
    """

    def __init__(self, source: Source) -> None:
        assert source.decoder is not None
        self._container = source.decoder.open_again()
        stream = self._container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            self._container.close()
            raise SourceError("no sound")
        self.stream = stream
        self.codec = self.stream.codec_context.name
        self._tick = self.stream.time_base or Fraction(1)
        self._video_clock = source.decoder.clock
        self._clock = StreamClock(
            1024 / (self.stream.rate or 48000),
            jumps_forward=source.decoder.jumps_forward,
            follow=self._video_clock.shifts,
        )
        self._clock.start(self._video_clock.origin)
        self._packets = self._demux()
        self._next = next(self._packets, None)

    @classmethod
    def of(cls, source: Source) -> Sound | None:
        """Open the sound of a source; return None for a live source, and where there is no sound."""
        if source.decoder is None or source.live:
            return None
        with contextlib.suppress(SourceError):
            return cls(source)
        return None

    def packets(self, until: float) -> Iterator[av.Packet]:
        """Yield the remaining packets that start before ``until`` seconds."""
        while self._next is not None and (self._next.pts or 0) * self._tick < until:
            packet, self._next = self._next, next(self._packets, None)
            yield packet

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _demux(self) -> Iterator[av.Packet]:
        # The sound ends where the file is damaged; IndexError: see VideoDecoder.
        with contextlib.suppress(av.FFmpegError, IndexError):
            for packet in self._container.demux(self.stream):
                if packet.pts is None or packet.dts is None:
                    continue
                stated = float(packet.pts * self._tick)
                self._clock.time(stated)
                shift = round((self._clock.on_time_line(stated) - stated) / self._tick)
                packet.pts += shift
                packet.dts += shift
                yield packet


class SoundOutput:
    """Sound track of an output.

    Args:
        container: The output.
        sound: The sound, which the output closes.
        encode: Encode the sound anew rather than copy its packets.
    """

    def __init__(self, container: av.container.OutputContainer, sound: Sound, *, encode: bool) -> None:
        self._container, self._sound, self._encode = container, sound, encode
        if encode:
            rate = sound.stream.rate or 48000
            layout = "mono" if sound.stream.channels == 1 else "stereo"
            self._encoder: Any = container.add_stream(ENCODED_AS, rate=rate, layout=layout)
        else:
            self._copied = container.add_stream_from_template(sound.stream)

    def write(self, until: float) -> None:
        """Write the sound that starts before ``until`` seconds."""
        for packet in self._sound.packets(until):
            if self._encode:
                self._write_decoded(packet)
            else:
                packet.stream = self._copied
                self._container.mux(packet)

    def finish(self, until: float = math.inf) -> None:
        """Write the sound that starts before ``until`` seconds, and what the encoder holds."""
        self.write(until)
        if self._encode:
            self._container.mux(self._encoder.encode(None))

    def close(self) -> None:
        """Close the file that the sound comes from."""
        self._sound.close()

    def _write_decoded(self, packet: av.Packet) -> None:
        try:
            frames = self._sound.stream.decode(packet)
        except av.InvalidDataError:  # a damaged part costs itself
            return
        for frame in frames:
            self._container.mux(self._encoder.encode(frame))
