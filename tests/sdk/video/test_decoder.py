from __future__ import annotations

import shutil
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from helpers import clips
from helpers.shared_inputs import shared_input
from whyframe.video.decoder import VideoDecoder
from whyframe.video.sources import open_source


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Address of a server of the temporary folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def decode(path: Path) -> tuple[list[np.ndarray], list[float], VideoDecoder]:
    decoder = VideoDecoder(f"file:{path}")
    items = list(decoder.images())
    decoder.close()
    return [image for image, _ in items], [seconds for _, seconds in items], decoder


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(int) - second).mean())


def interlaced(path: Path, codec: str, options: dict[str, str], frames: int = 12) -> Path:
    """Write a clip of two fields a frame, between which a bar moves by 8 pixels."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.bit_rate = 4_000_000
        for index in range(frames):
            image = np.full((96, 128, 3), 40, np.uint8)
            for field in range(2):
                left = 8 * (index * 2 + field) % 100
                image[field::2, left : left + 16] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def textured(path: Path, frames: int = 90) -> Path:
    """Write a clip whose bytes are spread evenly over its frames."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 96, 3), np.uint8)
    large = cv2.resize(noise, None, fx=4, fy=4)
    with av.open(
        str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}
    ) as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "30", "g": "15"})
        stream.width, stream.height, stream.pix_fmt = 192, 144, "yuv420p"
        for index in range(frames):
            image = np.ascontiguousarray(large[24:168, 2 * index : 2 * index + 192])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def combing(image: np.ndarray) -> float:
    """Return how much neighbouring rows differ, which the two fields of one frame do where a bar moves."""
    return float(np.abs(image[1:].astype(int) - image[:-1]).mean())


@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [
        ("libx264", ".mp4", {"flags": "+ilme+ildct", "x264-params": "tff=1"}),
        ("mpeg2video", ".ts", {"flags": "+ilme+ildct", "top": "1"}),
    ],
)
def test_interlaced_frames_are_deinterlaced_and_all_delivered(
    tmp_path: Path, codec: str, suffix: str, options: dict[str, str]
) -> None:
    path = interlaced(tmp_path / f"a{suffix}", codec, options)
    with av.open(str(path)) as container:
        woven = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    images, times, _ = decode(path)
    assert len(images) == len(woven) == 12
    assert times == pytest.approx([index / 25 for index in range(12)], abs=1e-3)
    # The first and the last frame have no neighbour to take the other field from.
    assert max(map(combing, images[1:-1])) < 0.5 * min(map(combing, woven[1:-1]))


MATRICES = {
    "90": (0, 1, -1, 0),
    "180": (-1, 0, 0, -1),
    "270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transposed other": (0, -1, -1, 0),
}
AS_FFMPEG = {  # the filters that ffmpeg's autorotate inserts
    "90": lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    "180": lambda image: image[::-1, ::-1],
    "270": lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "transposed": lambda image: image.transpose(1, 0, 2),
    "transposed other": lambda image: image[::-1, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("name", MATRICES)
def test_display_matrices_turn_and_mirror_as_ffmpeg_does(tmp_path: Path, name: str) -> None:
    path = clips.write_clip(tmp_path / "a.mp4", frames=3)
    plain = decode(path)[0]
    a, b, c, d = MATRICES[name]
    one = 1 << 16
    data = path.read_bytes()
    start = data.index(b"tkhd") + 44
    matrix = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:start] + matrix + data[start + 36 :])
    images = decode(path)[0]
    for image, stored in zip(images, plain, strict=True):
        np.testing.assert_array_equal(image, AS_FFMPEG[name](stored))
        assert image.flags.c_contiguous


def test_frames_are_those_of_opencv(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4")
    images, _, _ = decode(path)
    np.testing.assert_array_equal(images, clips.read_video(path))


@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_damage_in_the_middle_costs_its_frames_and_is_named(tmp_path: Path, suffix: str) -> None:
    path = textured(tmp_path / f"a{suffix}")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
        (problem,) = source.problems
    assert len(frames) + len(source.damaged) >= 90
    assert "is damaged: " in problem
    assert "\n" not in problem
    assert source.damaged
    assert len(frames) >= 65, "the rest is what the 3000 bytes held"


def test_joined_transport_streams_have_one_time_line_and_no_damage(tmp_path: Path) -> None:
    first = clips.write_clip(tmp_path / "a.ts").read_bytes()
    (tmp_path / "b.ts").write_bytes(first + first)
    with open_source(tmp_path / "b.ts") as source:
        times = [frame.timestamp for frame in source]
    assert times == pytest.approx([index / 30 for index in range(60)], abs=1e-3)
    assert not source.problems


def test_the_cover_picture_of_a_file_is_not_its_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        streams = [container.add_stream("libx264", rate=30) for _ in range(2)]
        for stream, default in zip(streams, (0, 1), strict=True):
            stream.width, stream.height, stream.pix_fmt = *clips.SIZE, "yuv420p"
            stream.disposition = av.stream.Disposition(default)
        for index in range(5):
            for stream, shade in zip(streams, (0, 20), strict=True):
                image = clips.numbered_image(index + shade)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        for stream in streams:
            container.mux(stream.encode(None))
    images, _, _ = decode(tmp_path / "a.mkv")
    assert [clips.index_of(image) for image in images] == list(range(20, 25))


@pytest.mark.parametrize("name", ["12:30:45.mp4", "caf\udce9.mp4", "100%25.mp4"])
def test_names_with_colons_and_odd_bytes_are_opened(tmp_path: Path, name: str) -> None:
    clips.write_clip(tmp_path / "a.mp4", frames=4).rename(tmp_path / name)
    with open_source(tmp_path / name) as source:
        assert len(list(source)) == 4
        source.name.encode()


def test_file_and_http_addresses_are_files(tmp_path: Path, served: str) -> None:
    clips.write_clip(tmp_path / "a b.mp4", frames=40, faststart=True)
    for address in (f"{served}/a%20b.mp4", (tmp_path / "a b.mp4").as_uri(), f"file://{tmp_path}/a b.mp4"):
        with open_source(address) as source:
            assert (source.kind, source.live) == ("video", False)
            assert len(list(source)) == 40
            assert not source.problems
    with open_source(f"{served}/a%20b.mp4", live=True) as source:
        assert source.live


def test_zeros_cost_the_damaged_frames() -> None:
    base, _, _ = decode(shared_input("base.mp4"))
    with open_source(shared_input("zero.mp4")) as source:
        frames = list(source)
        assert len(frames) in (89, 90)
        assert "is damaged" in source.problems[0]
    assert np.median([difference(frame.image, base[round(frame.timestamp * 30)]) for frame in frames]) < 5


def test_the_shared_inputs_are_decoded_as_players_show_them() -> None:
    base, _, _ = decode(shared_input("base.mp4"))
    images, _, _ = decode(shared_input("inter.mp4"))
    assert len(images) == 90
    assert max(map(difference, images, base)) < 5
    images, _, _ = decode(shared_input("hflip.mp4"))
    np.testing.assert_array_equal(images, [image[:, ::-1] for image in base])


def test_joined_streams_of_the_shared_inputs_last_three_seconds() -> None:
    _, times, decoder = decode(shared_input("catted_v.ts"))
    assert (np.diff(times) > 0).all()
    assert times[60] == pytest.approx(2.0)
    assert times[-1] + 1 / 30 == pytest.approx(3.0)
    assert not decoder.damaged


def test_a_file_without_a_duration_is_whole_over_http(tmp_path: Path, served: str) -> None:
    shutil.copy(shared_input("nodur.webm"), tmp_path / "nodur.webm")
    with open_source(f"{served}/nodur.webm") as source:
        assert not source.live
        assert len(list(source)) == 90
