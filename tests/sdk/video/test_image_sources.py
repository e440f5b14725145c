"""Animations and folders as sources."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.animations import ANIMATION_FRAMES, write_animation
from whyframe.errors import OutputError
from whyframe.image_options import ImageOptions
from whyframe.video.sinks import open_sink
from whyframe.video.sources import open_source


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif", "tif"])
def test_an_animation_gives_its_frames_and_times(tmp_path: Path, suffix: str) -> None:
    with open_source(write_animation(tmp_path / f"a.{suffix}")) as source:
        frames = list(source)
    assert (source.kind, source.count, source.size, source.problems) == ("animation", 3, (100, 50), [])
    times = [None] * 3 if suffix == "tif" else pytest.approx([0, 0.2, 1.2])
    assert [frame.timestamp for frame in frames] == times
    for frame, picture in zip(frames, ANIMATION_FRAMES, strict=True):
        assert np.abs(frame.image[..., ::-1].astype(int) - picture).mean() < 12


def test_the_still_image_of_an_apng_and_the_thumbnails_of_a_tiff_are_no_frames(tmp_path: Path) -> None:
    with open_source(write_animation(tmp_path / "a.png", default_image=True, duration=[100, 100])) as source:
        assert len(list(source)) == source.count == 2
    thumbnail = Image.fromarray(ANIMATION_FRAMES[1])
    thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(ANIMATION_FRAMES[0]).save(tmp_path / "b.tif", save_all=True, append_images=[thumbnail])
    with open_source(tmp_path / "b.tif") as source:
        assert (source.kind, len(list(source))) == ("image", 1)


def test_a_frame_that_cannot_be_read_is_reported_after_the_others(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.gif")
    path.write_bytes(path.read_bytes()[:-1500])
    with open_source(path) as source:
        read = len(list(source))
    assert read < 3
    assert f"{read} of " in source.problems[0]


def test_each_frame_is_measured_before_it_is_decoded(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.tif")
    content = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.seek(2)
        at = content.rindex(struct.pack("<HHI", 256, 4, 1) + struct.pack("<I", 100))
    content[at + 8 : at + 12] = struct.pack("<I", 40_000_000)
    path.write_bytes(content)
    with open_source(path) as source:
        assert len(list(source)) == 2
    assert "more than the limit of 100 megapixels" in source.problems[0]


def test_an_output_that_cannot_hold_the_frames_is_refused_before_any_work(tmp_path: Path) -> None:
    Image.new("RGB", (17_000, 2)).save(tmp_path / "wide.png")
    Image.new("RGB", (2, 66_000)).save(tmp_path / "tall.png")
    with open_source(tmp_path / "wide.png") as source, pytest.raises(OutputError, match=r"16383 pixels"):
        open_sink(tmp_path / "a.webp", source)
    with open_source(tmp_path / "tall.png") as source, pytest.raises(OutputError, match=r"65500 pixels"):
        open_sink(tmp_path / "a.jpg", source)
    with (
        open_source(write_animation(tmp_path / "a.gif")) as source,
        pytest.raises(OutputError, match="an animation"),
    ):
        open_sink(tmp_path / "b.jpg", source)


def test_a_model_of_4_channels_explains_the_images_of_a_source(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 30), (255, 0, 0, 7)).save(tmp_path / "a.png")
    with open_source(tmp_path / "a.png", images=ImageOptions(alpha=True)) as source:
        assert next(source).image[0, 0].tolist() == [0, 0, 255, 7]
