"""Small media files for tests. Frame i of a clip is `numbered_image(i)`."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

SIZE = (64, 48)


def numbered_image(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return H x W x 3 uint8 BGR with a horizontal ramp, whose mean grey level encodes the index."""
    width, height = size
    ramp = np.linspace(-20, 20, width)[None, :, None]
    return np.clip(np.full((height, width, 3), 30.0 + 7 * index) + ramp, 0, 255).astype(np.uint8)


def index_of(image: np.ndarray) -> int:
    """Return the index that the mean grey level of an image encodes."""
    return round((float(image.mean()) - 28.5) / 7)  # 30 - 1.5: encoding and decoding round down


def write_clip(
    path: Path,
    frames: int = 30,
    rate: Fraction | int = 30,
    size: tuple[int, int] = SIZE,
    sound: str | None = None,
    sound_seconds: float | None = None,
    sound_rate: int = 44100,
    pts: list[int] | None = None,
    faststart: bool = False,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """Write an H.264 clip; ``sound`` is the name of a codec, ``pts`` are frame times in 1/90000 s."""
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream("libx264", rate=rate, options={"crf": "10"})
        video.width, video.height = size
        video.pix_fmt = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
        if pts:
            video.codec_context.time_base = Fraction(1, 90000)
        if pixel_aspect:
            video.codec_context.sample_aspect_ratio = pixel_aspect
        audio = container.add_stream(sound, rate=sound_rate, layout="mono") if sound else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered_image(index, size), format="bgr24")
            if pts:
                frame.pts, frame.time_base = pts[index], Fraction(1, 90000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio:
            _write_sound(container, audio, sound_seconds or frames / float(rate), sound_rate)
    return path


def mark_as_rotated(path: Path) -> Path:
    """Mark an MP4 to be displayed rotated by 90 degrees clockwise, as phones do (the tkhd matrix)."""
    data = path.read_bytes()
    matrix = data.index(b"tkhd") + 4 + 40
    rotated = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE[1] << 16, 0, 1 << 30)
    path.write_bytes(data[:matrix] + rotated + data[matrix + 36 :])
    return path


def _write_sound(
    container: av.container.OutputContainer, audio: av.AudioStream, seconds: float, rate: int
) -> None:
    samples = int(rate * seconds)
    tone = (8000 * np.sin(np.arange(samples) / 20)).astype(np.int16)
    for start in range(0, samples, 1024):
        frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, start
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


def truncate(path: Path, keep: float = 0.6) -> Path:
    """Write the first part of a file, as an interrupted download leaves it, to a new file ``cut-NAME``."""
    data = path.read_bytes()
    short = path.with_name(f"cut-{path.name}")
    short.write_bytes(data[: int(len(data) * keep)])
    return short


def write_images(folder: Path, count: int = 3) -> Path:
    """Create a folder with the images ``0.png``, ``1.png`` and so on."""
    folder.mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / f"{index}.png"), numbered_image(index))
    return folder


def read_video(path: Path) -> list[np.ndarray]:
    """Return every frame of a video, BGR."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, image = capture.read()
        if not ok:
            return frames
        frames.append(image)


def read_packets(path: Path, kind: str) -> list[bytes]:
    """Return the bytes of every packet of the first "audio" or "video" stream."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def read_rate(path: Path) -> Fraction | None:
    """Return the frame rate that a video file states."""
    with av.open(str(path)) as container:
        return container.streams.video[0].average_rate


def mean_difference(video: Path, images: list[np.ndarray]) -> float:
    """Return the mean absolute difference, in grey levels, between the frames of a video and images."""
    return float(np.mean(np.abs(np.float32(read_video(video)) - np.float32(images))))
