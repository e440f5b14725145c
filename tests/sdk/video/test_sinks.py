from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers import clips
from whyframe import ExplainEngine
from whyframe.errors import OutputError
from whyframe.video.sink import Sink
from whyframe.video.sinks import check_image_output, open_sink
from whyframe.video.sources import open_source

Convert = Callable[..., Sink]


def overlays(engine: ExplainEngine, source: Path) -> list[np.ndarray]:
    return [result.overlay() for result in engine.stream(source)]


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
    (folder / "1.png").write_bytes(b"damaged")
    convert(folder, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0.png", "2.png", "3.png"]
    written = cv2.imread(str(tmp_path / "out" / "3.png"))
    np.testing.assert_array_equal(written, engine.run(clips.numbered_image(3)).overlay())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in", "out"]


def test_a_folder_keeps_finished_images_after_ctrl_c_and_none_after_another_error(
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
    ("source", "output", "message"),
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
def test_a_bad_output_is_refused_before_anything_is_written(
    tmp_path: Path, source: str, output: str, message: str
) -> None:
    clips.write_clip(tmp_path / "in.mp4", frames=2)
    cv2.imwrite(str(tmp_path / "in.png"), clips.numbered_image(0))
    clips.write_images(tmp_path / "folder")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=message) as caught, open_source(tmp_path / source) as opened:
        open_sink(tmp_path / output, opened)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_image_output_is_checked_before_it_is_written(tmp_path: Path) -> None:
    check_image_output(tmp_path / "a.png")
    with pytest.raises(OutputError, match="is not the name of an image"):
        check_image_output(tmp_path / "a.mp4")
    with pytest.raises(OutputError, match="none does not exist"):
        check_image_output(tmp_path / "none" / "a.png")
