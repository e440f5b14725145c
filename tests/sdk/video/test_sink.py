from __future__ import annotations

from collections.abc import Callable
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
from whyframe.video.sources import open_source

Convert = Callable[..., Sink]


def test_after_ctrl_c_the_frames_written_so_far_play(convert: Convert, tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", sound="aac")
    with pytest.raises(KeyboardInterrupt):
        convert(source, tmp_path / "out.mp4", stop=12, error=KeyboardInterrupt())
    frames = clips.read_video(tmp_path / "out.mp4")
    assert len(frames) == 12
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert float(container.streams.audio[0].duration * container.streams.audio[0].time_base) < 0.5


@pytest.mark.parametrize("stop", [0, 12])
def test_after_an_error_no_file_is_left(convert: Convert, tmp_path: Path, stop: int) -> None:
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


def test_a_given_image_is_written_instead_of_the_overlay(engine: ExplainEngine, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), clips.numbered_image(5))
    plain = engine.run(clips.numbered_image(5))
    with open_source(tmp_path / "in.png") as source, open_sink(tmp_path / "out.png", source) as sink:
        sink.write(plain, plain.frame)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out.png")), clips.numbered_image(5))


def test_a_frame_of_another_size_is_refused_in_a_video(engine: ExplainEngine, tmp_path: Path) -> None:
    source = open_source(clips.write_clip(tmp_path / "in.mp4", frames=2))
    larger = engine.run(clips.numbered_image(0, (80, 60)))
    with (
        source,
        pytest.raises(OutputError, match="frame 0 is 80 x 60 in a video of 64 x 48"),
        open_sink(tmp_path / "out.mp4", source) as sink,
    ):
        sink.write(larger)
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]
