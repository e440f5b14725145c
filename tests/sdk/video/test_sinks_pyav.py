from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from helpers import clips
from whyframe import ExplainEngine
from whyframe.errors import OutputError
from whyframe.video import sinks_pyav
from whyframe.video.sink import Sink
from whyframe.video.sources import open_source

Convert = Callable[..., Sink]

WINDOWS_29_97 = Fraction(10_000_000, 333_667)
"""The frame rate that Windows writes for 29.97."""


def overlays(engine: ExplainEngine, source: Path) -> list[np.ndarray]:
    return [result.overlay() for result in engine.stream(source)]


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25), WINDOWS_29_97])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_frames_size_and_exact_rate_are_kept(
    convert: Convert, tmp_path: Path, fps: Fraction, suffix: str
) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", rate=fps, frames=21)
    sink = convert(source, tmp_path / f"out{suffix}")
    assert sink.description == "H.264 by PyAV"
    assert sink.written == 21
    frames = clips.read_video(sink.path)
    assert len(frames) == 21
    assert frames[0].shape == (48, 64, 3)
    tolerance = Fraction(1, 100) if suffix == ".mkv" else 0  # Matroska's clock is in milliseconds
    assert abs(clips.read_rate(sink.path) - fps) <= tolerance


def test_the_video_shows_the_overlays(convert: Convert, engine: ExplainEngine, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4")
    sink = convert(source, tmp_path / "out.mp4")
    assert clips.mean_difference(sink.path, overlays(engine, source)) < 2.5


def test_a_matroska_input_keeps_its_even_rate(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mkv", rate=Fraction(30000, 1001))
    convert(source, tmp_path / "out.mp4")
    assert clips.read_rate(tmp_path / "out.mp4") == Fraction(30000, 1001)


@pytest.mark.parametrize("rotated", [False, True])
def test_the_pixel_aspect_ratio_is_kept(convert: Convert, tmp_path: Path, rotated: bool) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", frames=3, pixel_aspect=Fraction(4, 3))
    convert(clips.mark_as_rotated(source) if rotated else source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == ((48, 64) if rotated else (64, 48))
        assert video.sample_aspect_ratio == (Fraction(3, 4) if rotated else Fraction(4, 3))


def test_uneven_timestamps_are_kept(convert: Convert, tmp_path: Path) -> None:
    pts = [3000 * i + 9000 * (i // 10) for i in range(30)]
    source = clips.write_clip(tmp_path / "in.mp4", pts=pts)
    convert(source, tmp_path / "out.mp4")
    with open_source(tmp_path / "out.mp4") as written:
        assert [frame.timestamp for frame in written] == pytest.approx([p / 90000 for p in pts], abs=1e-3)


@pytest.mark.parametrize("size", [(65, 48), (64, 49), (65, 49)])
def test_an_odd_size_is_kept(
    convert: Convert, engine: ExplainEngine, tmp_path: Path, size: tuple[int, int]
) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", size=size, frames=5)
    sink = convert(source, tmp_path / "out.mp4")
    assert [frame.shape for frame in clips.read_video(sink.path)] == [(size[1], size[0], 3)] * 5
    assert clips.mean_difference(sink.path, overlays(engine, source)) < 4


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("mp3", ".mp4"), ("pcm_s16le", ".mkv")])
def test_sound_is_copied_packet_by_packet(convert: Convert, tmp_path: Path, codec: str, suffix: str) -> None:
    source = clips.write_clip(tmp_path / f"in{suffix}", sound=codec)
    sink = convert(source, tmp_path / f"out{suffix}")
    assert sink.description == "H.264 by PyAV with its sound"
    assert clips.read_packets(sink.path, "audio") == clips.read_packets(source, "audio")
    assert len(clips.read_video(sink.path)) == 30


def test_sound_that_is_longer_than_the_video_is_kept_to_its_end(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", sound="aac", sound_seconds=2.5)
    sink = convert(source, tmp_path / "out.mp4")
    assert clips.read_packets(sink.path, "audio") == clips.read_packets(source, "audio")


def test_sound_stays_synchronous_where_the_container_starts_late(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.ts", sound="aac")  # MPEG-TS starts at 1.4 s
    sink = convert(source, tmp_path / "out.mp4")
    offsets = []
    for path in (source, sink.path):
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            last = max(packet.pts * packet.time_base for packet in container.demux(audio) if packet.pts)
            offsets.append(float(last - video.start_time * video.time_base))
    assert offsets[1] == pytest.approx(offsets[0], abs=0.002)


@pytest.mark.parametrize(("codec", "suffix"), [("wavpack", ".mp4"), ("libopus", ".mov")])
def test_sound_that_the_format_cannot_hold_is_encoded_anew_and_reported(
    convert: Convert, tmp_path: Path, codec: str, suffix: str
) -> None:
    source = clips.write_clip(tmp_path / "in.mkv", sound=codec, sound_rate=48000)
    sink = convert(source, tmp_path / f"out{suffix}")
    assert "with its sound encoded anew as AAC" in sink.description
    assert f"{suffix} cannot hold {codec.removeprefix('lib')} sound" in sink.description
    assert len(clips.read_video(sink.path)) == 30
    with av.open(str(sink.path)) as container:
        audio = container.streams.audio[0]
        assert audio.codec_context.name == "aac"
        assert float(audio.duration * audio.time_base) == pytest.approx(1.0, abs=0.1)


def test_a_full_disk_is_an_output_error(
    convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(sinks_pyav.PyAvVideo):  # overrides a private step: a test cannot fill the disk
        def _copy_sound(self, until: float) -> None:
            raise av.OSError(28, "No space left on device", str(self.part))

    monkeypatch.setattr(sinks_pyav, "PyAvVideo", Full)
    source = clips.write_clip(tmp_path / "in.mp4")
    with pytest.raises(OutputError, match="No space left"):
        convert(source, tmp_path / "out.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


def test_a_file_that_cannot_be_started_is_removed(
    convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Misfit(sinks_pyav.PyAvVideo):  # overrides a private step: known formats refuse no known sound
        def _start(self, way: str | None) -> None:
            super()._start(way)
            raise ValueError("this muxer takes no such stream")

    monkeypatch.setattr(sinks_pyav, "PyAvVideo", Misfit)
    source = clips.write_clip(tmp_path / "in.mkv")
    with pytest.raises(OutputError, match=r"out\.mp4 cannot be written"):
        convert(source, tmp_path / "out.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["in.mkv"]
