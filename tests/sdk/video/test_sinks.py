from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from helpers import clips
from whyframe import ExplainEngine
from whyframe.errors import OutputError
from whyframe.video.sink import Sink
from whyframe.video.sinks import open_sink
from whyframe.video.sources import Source, open_source
from whyframe.video.stream import stream_explanations

Convert = Callable[..., Sink]


@pytest.fixture
def convert(engine: ExplainEngine) -> Convert:
    """Explains a source into an output and returns the sink; ``stop`` raises an error at that frame."""

    def explain(
        source: Path | Source, output: Path, stop: int | None = None, error: BaseException | None = None
    ) -> Sink:
        opened = open_source(source)
        with open_sink(output, opened) as sink:
            for result in stream_explanations(engine, opened):
                if stop == result.index and error:
                    raise error
                sink.write(result)
        return sink

    return explain


@pytest.fixture
def without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "whyframe.video.sinks_pyav", None)


ODD_RATE = Fraction(10_000_000, 333_667)  # what Windows calls 29.97


def rate(path: Path) -> Fraction | None:
    with av.open(str(path)) as container:
        return container.streams.video[0].average_rate


def difference(video: Path, engine: ExplainEngine, source: Path) -> float:
    """Mean absolute difference in grey levels between a written video and the overlays it should show."""
    drawn = [result.overlay() for result in engine.stream(source)]
    return float(np.mean(np.abs(np.float32(clips.read_video(video)) - np.float32(drawn))))


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25), ODD_RATE])
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
    assert abs(rate(sink.path) - fps) <= tolerance


def test_what_is_written_is_what_was_drawn(convert: Convert, engine: ExplainEngine, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4")
    sink = convert(source, tmp_path / "out.mp4")
    assert difference(sink.path, engine, source) < 2.5


def test_a_matroska_input_keeps_its_even_rate(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mkv", rate=Fraction(30000, 1001))
    convert(source, tmp_path / "out.mp4")
    assert rate(tmp_path / "out.mp4") == Fraction(30000, 1001)


@pytest.mark.parametrize("turned", [False, True])
def test_the_shape_of_the_pixels_is_kept(convert: Convert, tmp_path: Path, turned: bool) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", frames=3, pixel_aspect=Fraction(4, 3))
    convert(clips.mark_as_rotated(source) if turned else source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == ((48, 64) if turned else (64, 48))
        assert video.sample_aspect_ratio == (Fraction(3, 4) if turned else Fraction(4, 3))


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
    assert difference(sink.path, engine, source) < 4


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("mp3", ".mp4"), ("pcm_s16le", ".mkv")])
def test_sound_is_copied_packet_by_packet(convert: Convert, tmp_path: Path, codec: str, suffix: str) -> None:
    source = clips.write_clip(tmp_path / f"in{suffix}", sound=codec)
    sink = convert(source, tmp_path / f"out{suffix}")
    assert sink.description == "H.264 by PyAV with its sound"
    assert clips.read_packets(sink.path, "audio") == clips.read_packets(source, "audio")
    assert len(clips.read_video(sink.path)) == 30


def test_sound_that_outlasts_the_pictures_is_kept_to_its_end(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", sound="aac", sound_seconds=2.5)
    sink = convert(source, tmp_path / "out.mp4")
    assert clips.read_packets(sink.path, "audio") == clips.read_packets(source, "audio")


def test_sound_stays_in_time_where_the_container_starts_late(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.ts", sound="aac")  # MPEG-TS starts at 1.4 s
    sink = convert(source, tmp_path / "out.mp4")
    offsets = []
    for path in (source, sink.path):
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            last = max(packet.pts * packet.time_base for packet in container.demux(audio) if packet.pts)
            offsets.append(float(last - video.start_time * video.time_base))
    assert offsets[1] == pytest.approx(offsets[0], abs=0.002)


def test_sound_that_the_format_cannot_hold_is_left_out_and_said(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mkv", sound="wavpack")
    sink = convert(source, tmp_path / "out.mp4")
    assert sink.description == "H.264 by PyAV; .mp4 cannot hold wavpack sound, which is left out (try .mkv)"
    assert len(clips.read_video(sink.path)) == 30


@pytest.mark.usefixtures("without_pyav")
def test_without_pyav_opencv_writes_and_says_so(
    convert: Convert, engine: ExplainEngine, tmp_path: Path
) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", sound="aac")
    sink = convert(source, tmp_path / "out.mp4")
    assert "mp4v by OpenCV, no sound; pip install 'whyframe[video]'" in sink.description
    assert len(clips.read_video(sink.path)) == 30
    assert rate(sink.path) == 30
    assert difference(sink.path, engine, source) < 6


@pytest.mark.usefixtures("without_pyav")
def test_without_pyav_an_odd_size_is_cut_and_said(convert: Convert, tmp_path: Path) -> None:
    sink = convert(clips.write_clip(tmp_path / "in.mp4", size=(65, 49)), tmp_path / "out.mp4")
    assert sink.description.endswith("odd size cut to 64 x 48")
    assert clips.read_video(sink.path)[0].shape == (48, 64, 3)


@pytest.mark.parametrize("pyav", [True, False])
def test_after_ctrl_c_what_was_done_plays(
    convert: Convert, tmp_path: Path, request: pytest.FixtureRequest, pyav: bool
) -> None:
    if not pyav:
        request.getfixturevalue("without_pyav")
    source = clips.write_clip(tmp_path / "in.mp4", sound="aac")
    with pytest.raises(KeyboardInterrupt):
        convert(source, tmp_path / "out.mp4", stop=12, error=KeyboardInterrupt())
    frames = clips.read_video(tmp_path / "out.mp4")
    assert len(frames) == 12
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    if pyav:
        with av.open(str(tmp_path / "out.mp4")) as container:
            assert float(container.streams.audio[0].duration * container.streams.audio[0].time_base) < 0.5


@pytest.mark.parametrize("pyav", [True, False])
@pytest.mark.parametrize("stop", [0, 12])
def test_after_an_error_nothing_is_left(
    convert: Convert, tmp_path: Path, request: pytest.FixtureRequest, pyav: bool, stop: int
) -> None:
    if not pyav:
        request.getfixturevalue("without_pyav")
    source = clips.write_clip(tmp_path / "in.mp4", sound="aac")
    with pytest.raises(ZeroDivisionError):
        convert(source, tmp_path / "out.mp4", stop=stop, error=ZeroDivisionError())
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


def test_an_error_keeps_the_output_of_an_earlier_run(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4")
    convert(source, tmp_path / "out.mp4")
    before = (tmp_path / "out.mp4").read_bytes()
    with pytest.raises(ZeroDivisionError):
        convert(source, tmp_path / "out.mp4", stop=3, error=ZeroDivisionError())
    assert (tmp_path / "out.mp4").read_bytes() == before


def test_a_full_disk_is_an_error_of_the_project(
    convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whyframe.video import sinks_pyav as sinks_av

    class Full(sinks_av.PyAvVideo):
        def _copy_sound(self, until: float) -> None:
            raise av.OSError(28, "No space left on device", str(self.part))

    monkeypatch.setattr(sinks_av, "PyAvVideo", Full)
    source = clips.write_clip(tmp_path / "in.mp4")
    with pytest.raises(OutputError, match="No space left"):
        convert(source, tmp_path / "out.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


def test_a_file_that_cannot_be_started_leaves_nothing(
    convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whyframe.video import sinks_pyav as sinks_av

    class Misfit(sinks_av.PyAvVideo):
        def _add_sound(self) -> str:
            self.part.touch()
            raise ValueError("this muxer takes no such stream")

    monkeypatch.setattr(sinks_av, "PyAvVideo", Misfit)
    source = clips.write_clip(tmp_path / "in.mkv")
    with pytest.raises(OutputError, match=r"out\.mp4 cannot be written"):
        convert(source, tmp_path / "out.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["in.mkv"]


def test_an_image_becomes_its_overlay(convert: Convert, engine: ExplainEngine, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), clips.numbered_image(5))
    convert(tmp_path / "in.png", tmp_path / "out.png")
    np.testing.assert_array_equal(
        cv2.imread(str(tmp_path / "out.png")), engine.run(clips.numbered_image(5)).overlay()
    )


def test_a_folder_becomes_a_folder_of_the_same_names(
    convert: Convert, engine: ExplainEngine, tmp_path: Path
) -> None:
    folder = clips.write_images(tmp_path / "in", 4)
    (folder / "1.png").write_bytes(b"broken")
    convert(folder, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0.png", "2.png", "3.png"]
    written = cv2.imread(str(tmp_path / "out" / "3.png"))
    np.testing.assert_array_equal(written, engine.run(clips.numbered_image(3)).overlay())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in", "out"]


def test_a_folder_keeps_what_was_done_at_ctrl_c_and_nothing_after_an_error(
    convert: Convert, tmp_path: Path
) -> None:
    folder = clips.write_images(tmp_path / "in", 4)
    with pytest.raises(ZeroDivisionError):
        convert(folder, tmp_path / "out", stop=2, error=ZeroDivisionError())
    assert [file.name for file in tmp_path.iterdir()] == ["in"]
    with pytest.raises(KeyboardInterrupt):
        convert(folder, tmp_path / "out", stop=2, error=KeyboardInterrupt())
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0.png", "1.png"]


@pytest.mark.parametrize(
    ("source", "output", "says"),
    [
        ("in.mp4", "none/out.mp4", r"none does not exist; create it first"),
        ("in.mp4", "in.mp4", "is the input itself"),
        ("in.mp4", "folder/../in.mp4", "is the input itself"),
        ("in.mp4", "out.xyz", r"end it in \.mp4, \.mkv, \.mov"),
        ("in.mp4", "out", r"end it in \.mp4"),
        ("in.mp4", "folder", "is a folder"),
        ("in.mp4", "out.png", "is not the name of a video"),
        ("in.png", "out.mp4", "is not the name of an image"),
        ("in.png", "in.png", "is the input itself"),
        ("folder", "in.mp4", "is a file; the output of a folder is a folder"),
        ("folder", "none/out", "none does not exist"),
        ("folder", "folder", "is the input itself"),
    ],
)
def test_a_bad_output_is_refused_before_any_work(tmp_path: Path, source: str, output: str, says: str) -> None:
    clips.write_clip(tmp_path / "in.mp4", frames=2)
    cv2.imwrite(str(tmp_path / "in.png"), clips.numbered_image(0))
    clips.write_images(tmp_path / "folder")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=says) as caught, open_source(tmp_path / source) as opened:
        open_sink(tmp_path / output, opened)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("without_pyav")
def test_opencvs_fixed_rate_is_filled_where_a_live_source_dropped_frames(
    engine: ExplainEngine, tmp_path: Path
) -> None:
    class Camera(Source):
        kind, live, size, fps = "camera", True, clips.SIZE, 10.0

        def _read(self):
            return iter(())

    result = engine.run(clips.numbered_image(0))
    with open_sink(tmp_path / "out.mp4", Camera("camera 0")) as sink:
        for index, timestamp in ((0, 0.1), (1, 0.2), (9, 1.0), (10, 1.1)):
            sink.write(replace(result, index=index, timestamp=timestamp))
    assert sink.written == 4
    assert len(clips.read_video(tmp_path / "out.mp4")) == 11
