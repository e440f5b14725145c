from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from helpers import clips
from whyframe.video.backlog import Backlog
from whyframe.video.decoder import VideoDecoder


@dataclass
class Packet:
    """The part of a packet that counts here."""

    index: int
    size: int = 1

    @property
    def is_keyframe(self) -> bool:
        return self.index % 10 == 0


def arriving(count: int, rate: float) -> Iterator[Packet]:
    """Yield packets that arrive at a rate per second, and the empty one at the end."""
    start = time.monotonic()
    for index in range(count):
        time.sleep(max(0.0, start + index / rate - time.monotonic()))
        yield Packet(index)
    yield Packet(count, size=0)


@pytest.fixture(autouse=True)
def _short_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyframe.video.backlog.WINDOW_SECONDS", 0.2)


def passed(count: int, rate: float, work: float) -> tuple[list[int], Backlog]:
    backlog, indices = Backlog(), []
    for packet in backlog.newest(arriving(count, rate)):
        indices.append(packet.index)
        time.sleep(work)
    return indices, backlog


def test_a_decoder_that_keeps_up_gets_every_packet() -> None:
    indices, backlog = passed(60, rate=100, work=0.005)
    assert indices == list(range(61))
    assert backlog.dropped == 0


def test_a_slow_decoder_goes_on_at_key_frames_and_every_dropped_packet_is_counted() -> None:
    indices, backlog = passed(200, rate=100, work=0.025)
    jumps = [later for earlier, later in pairwise(indices) if later != earlier + 1]
    assert jumps
    assert all(index % 10 == 0 for index in jumps)
    assert len(indices) + backlog.dropped == 201
    assert indices[-1] == 200


def test_a_recording_has_no_backlog(tmp_path) -> None:
    decoder = VideoDecoder(f"file:{clips.write_clip(tmp_path / 'a.mp4')}", live=True)
    assert decoder.backlog is None
    decoder.close()
