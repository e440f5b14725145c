from __future__ import annotations

import threading
import time

import pytest

from helpers import clips
from helpers.rtsp_server import RtspServer
from whyframe import ExplainEngine
from whyframe.errors import SourceError, StreamError
from whyframe.video.decoder import VideoDecoder
from whyframe.video.live import Reconnect
from whyframe.video.sources import open_source


@pytest.fixture(autouse=True)
def _short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyframe.video.sources.NETWORK_TIMEOUT_MS", 1000)


def test_rtsp_is_connected_again_after_its_server_was_killed_and_restarted(engine: ExplainEngine) -> None:
    lines: list[str] = []
    servers: list[RtspServer] = []
    with RtspServer() as server:
        source = open_source(server.address, reconnect=Reconnect(first_delay=0.1, longest_delay=0.3))
        source.on_message = lines.append
        starting = threading.Timer(0.5, lambda: servers.append(RtspServer(server.port)))
        for result in engine.stream(source):
            if result.gap:
                break
            if result.index >= 35 and not starting.is_alive() and not lines:
                server.kill()
                starting.start()
    starting.join()
    servers[0].kill()
    assert clips.index_of(result.frame) < 29, "a new connection starts with its first frame"
    assert result.gap > 0.5
    assert [line.split(" after ")[0].split(" (")[0] for line in lines] == [
        f"{server.shown} ended",
        f"{server.shown} is back",
    ]


def test_a_frozen_rtsp_server_is_a_stall_and_ends_the_stream_with_the_number_of_frames(
    engine: ExplainEngine,
) -> None:
    with RtspServer() as server:
        stream = engine.stream(server.address)
        next(stream)
        server.freeze()
        start = time.monotonic()
        with pytest.raises(StreamError, match=r"stalled|broke") as caught:
            list(stream)
        assert time.monotonic() - start < 4
    assert caught.value.frames >= 1
    assert "cret" not in str(caught.value)


def test_an_rtsp_server_that_is_frozen_from_the_start_is_given_up() -> None:
    with RtspServer() as server:
        server.freeze()
        start = time.monotonic()
        with pytest.raises(SourceError, match=f"{server.shown} does not answer with a video") as caught:
            open_source(server.address)
        assert time.monotonic() - start < 4
    assert "cret" not in str(caught.value)


def test_a_decoder_that_is_too_slow_drops_what_is_late_and_its_delay_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finished = VideoDecoder._finished

    def slow(self: VideoDecoder, frame: object) -> object:
        time.sleep(0.08)  # a frame arrives every 0.033 s
        return finished(self, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(VideoDecoder, "_finished", slow)
    monkeypatch.setattr("whyframe.video.backlog.WINDOW_SECONDS", 0.3)
    delays, indices = [], []
    with RtspServer() as server, open_source(server.address) as source:
        for frame in source:
            delays.append(server.sent - frame.index)
            indices.append(frame.index)
            if frame.timestamp > 5:
                break
    assert len(indices) < 80, "it is not slow"
    assert max(delays[-25:]) < 50, delays
    assert indices == sorted(set(indices))
    assert indices[-1] > 100, "dropped frames are counted"
