from __future__ import annotations

import socket
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers import clips
from whyframe.errors import SourceError
from whyframe.video.sources import Frame, Source, open_source


def indices(source: Source) -> list[int]:
    return [clips.index_of(frame.image) for frame in source]


def test_a_video_gives_every_frame_in_order_with_its_time(tmp_path: Path) -> None:
    with open_source(clips.write_clip(tmp_path / "a.mp4")) as source:
        assert (source.kind, source.live, source.size, source.fps, source.count) == (
            "video",
            False,
            clips.SIZE,
            30,
            30,
        )
        frames = list(source)
        assert source.exhausted
    assert [clips.index_of(frame.image) for frame in frames] == list(range(30))
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.timestamp for frame in frames] == pytest.approx([i / 30 for i in range(30)], abs=1e-3)
    assert not source.problems


def test_uneven_timestamps_are_those_of_the_container(tmp_path: Path) -> None:
    pts = [3000 * i + 9000 * (i // 10) for i in range(30)]
    with open_source(clips.write_clip(tmp_path / "a.mp4", pts=pts)) as source:
        assert [frame.timestamp for frame in source] == pytest.approx([p / 90000 for p in pts], abs=1e-3)


def test_an_image_is_one_frame_without_a_time(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), clips.numbered_image(3))
    with open_source(str(tmp_path / "a.png")) as source:
        (frame,) = source
    assert (source.kind, source.count, source.files) == ("image", 1, (tmp_path / "a.png",))
    assert (frame.index, frame.timestamp) == (0, None)
    np.testing.assert_array_equal(frame.image, clips.numbered_image(3))


def test_an_image_is_rotated_upright(tmp_path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise to display it upright
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    with open_source(tmp_path / "a.jpg") as source:
        assert next(source).image.shape == (60, 40, 3)


def test_a_video_is_rotated_upright(tmp_path: Path) -> None:
    with open_source(clips.mark_as_rotated(clips.write_clip(tmp_path / "a.mp4", frames=3))) as source:
        assert source.size == (48, 64)
        upright = cv2.rotate(clips.numbered_image(1), cv2.ROTATE_90_CLOCKWISE)
        second = list(source)[1].image
    assert np.abs(np.float32(second) - np.float32(upright)).mean() < 5


def test_a_folder_gives_its_images_by_name_and_reports_a_damaged_image(tmp_path: Path) -> None:
    folder = clips.write_images(tmp_path / "in", 4)
    (folder / "2.png").write_bytes(b"not an image")
    (folder / "notes.txt").write_text("ignored")
    with open_source(folder) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 3]
    assert [clips.index_of(frame.image) for frame in frames] == [0, 1, 3]
    others, damaged = source.problems
    assert "1 of 5 entries" in others
    assert "notes.txt" in others
    assert "2.png" in damaged


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
def test_a_truncated_video_is_read_up_to_its_end_and_reported(tmp_path: Path, suffix: str) -> None:
    complete = tmp_path / f"a{suffix}"
    if suffix == ".avi":
        writer = cv2.VideoWriter(str(complete), cv2.VideoWriter.fourcc(*"MJPG"), 30, clips.SIZE)
        for index in range(30):
            writer.write(clips.numbered_image(index))
        writer.release()
    else:
        clips.write_clip(complete, faststart=suffix == ".mp4")
    with open_source(complete) as source:
        assert len(list(source)) == 30
    assert not source.problems
    with open_source(clips.truncate(complete, 0.8 if suffix == ".mp4" else 0.6)) as source:
        read = len(indices(source))
    assert 0 < read < 30
    (problem,) = source.problems
    assert f"cut-a{suffix}" in problem
    assert f"{read} " in problem


def test_a_truncated_video_without_its_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cut-a\.mp4 is cut short"):
        open_source(clips.truncate(clips.write_clip(tmp_path / "a.mp4")))


def test_a_video_truncated_before_its_first_frame_is_refused(tmp_path: Path) -> None:
    complete = clips.write_clip(tmp_path / "a.mp4", faststart=True)
    start = complete.read_bytes().index(b"mdat") + 4
    with pytest.raises(SourceError, match=r"cut-a\.mp4 is cut short before its first frame"):
        open_source(clips.truncate(complete, start / complete.stat().st_size))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.mp4", None, "missing.mp4 does not exist"),
        ("text.mp4", b"a text file", "text.mp4 is not a video that FFmpeg can read"),
        ("empty.mp4", b"", "empty.mp4 is not a video"),
        ("text.jpg", b"a text file", "text.jpg is not an image"),
        ("empty.png", b"", "empty.png is not an image"),
    ],
)
def test_bad_files_are_refused_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_source(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # neither OpenCV nor FFmpeg prints a message


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no images"):
        open_source(tmp_path)


@pytest.mark.parametrize("camera", [97, "97"])
def test_a_camera_that_does_not_exist_is_refused(
    capfd: pytest.CaptureFixture[str], camera: int | str
) -> None:
    with pytest.raises(SourceError, match="camera 97 cannot be opened"):
        open_source(camera)
    assert capfd.readouterr() == ("", "")


def test_an_address_that_does_not_answer_is_given_up_and_its_password_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("whyframe.video.sources.NETWORK_TIMEOUT_MS", 300)
    with socket.create_server(("127.0.0.1", 0)) as server:  # accepts connections and never answers
        port = server.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(SourceError, match=rf"rtsp://127\.0\.0\.1:{port}/a does not answer") as caught:
            open_source(f"rtsp://me:secret@127.0.0.1:{port}/a")
    assert time.monotonic() - start < 10
    assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_source_is_returned_unchanged() -> None:
    class Empty(Source):
        kind = "camera"

        def _read(self):
            yield Frame(clips.numbered_image(0), 0)

    source = Empty("empty")
    assert open_source(source) is source
