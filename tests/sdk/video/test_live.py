from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from helpers import clips
from helpers.live_server import MjpegServer
from whyframe import ExplainEngine
from whyframe.errors import OptionError, StreamError
from whyframe.video.live import LiveSource, Reconnect
from whyframe.video.sink import Sink
from whyframe.video.sources import Frame, Source, open_source

QUICK = Reconnect(limit=20, first_delay=0.02, longest_delay=0.1)


@pytest.fixture(autouse=True)
def _short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyframe.video.sources.NETWORK_TIMEOUT_MS", 700)


def restart_after(server: MjpegServer, seconds: float, **options) -> threading.Thread:
    """Kill a server now, and start another on the same port later."""
    server.kill()

    def start() -> None:
        time.sleep(seconds)
        server.successor = MjpegServer(server.port, **options)  # type: ignore[attr-defined]

    thread = threading.Thread(target=start)
    thread.start()
    return thread


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_live_source_that_ends_raises_an_error_with_the_number_of_frames() -> None:
    with MjpegServer(frames=20) as server, open_source(server.address) as source:
        assert isinstance(source, LiveSource)
        frames = []
        with pytest.raises(StreamError, match=r"(broke|ended).* after 20 frames; .*--reconnect") as caught:
            for frame in source:
                frames.append(frame)  # noqa: PERF402 - a comprehension would lose them at the error
    assert caught.value.frames == 20
    assert source.name == server.shown
    assert "cret" not in str(caught.value)
    assert clips.index_of(frames[-1].image) == 19


def test_a_frozen_server_is_a_stall_that_is_noticed_in_time() -> None:
    with MjpegServer() as server, open_source(server.address) as source:
        next(source)
        server.freeze()
        start = time.monotonic()
        with pytest.raises(StreamError, match=r"stalled|broke"):
            list(source)
        assert time.monotonic() - start < 3


def test_the_stream_of_an_engine_raises_the_error_after_the_results(engine: ExplainEngine) -> None:
    indices = []
    with MjpegServer(frames=20) as server, pytest.raises(StreamError) as caught:
        for result in engine.stream(server.address):
            indices.append((result.index, result.dropped))  # noqa: PERF401 - a comprehension would lose them
    assert indices[-1][0] == 19, "the newest frame is explained"
    assert len(indices) + sum(dropped for _, dropped in indices) == 20 == caught.value.frames


def test_a_killed_server_is_connected_again_and_the_gap_is_stated(engine: ExplainEngine) -> None:
    lines: list[str] = []
    with MjpegServer() as server:
        source = open_source(server.address, reconnect=QUICK)
        source.on_message = lines.append
        gaps, times, restarting = [], [], None
        for result in engine.stream(source):
            times.append(result.timestamp)
            gaps.append(result.gap)
            if len(times) == 10:
                restarting = restart_after(server, 0.6)
            if result.gap:
                break
        assert restarting is not None
        restarting.join()
        server.successor.kill()
    assert 0.5 < gaps[-1] < 3
    assert not any(gaps[:-1])
    assert all(later > earlier for earlier, later in pairwise(times))
    assert times[-1] - times[-2] == pytest.approx(gaps[-1], abs=0.5)
    lost, back = lines
    assert lost.startswith(f"{server.shown} ")
    assert lost.endswith("; connecting again.")
    assert f"{server.shown} is back after a gap of {gaps[-1]:.1f} s" in back


def test_a_source_that_does_not_come_back_is_given_up() -> None:
    with MjpegServer(frames=5) as server:
        source = open_source(server.address, reconnect=Reconnect(limit=0.5, first_delay=0.05))
        next(source)
        server.kill()
        start = time.monotonic()
        with pytest.raises(StreamError, match=r"after [1-5] frames? and did not come back within"):
            list(source)
        assert time.monotonic() - start < 3
        source.close()


def test_reconnecting_leaves_no_thread_and_no_descriptor_behind() -> None:
    with MjpegServer(frames=4, rate=200) as server:
        source = open_source(server.address, reconnect=QUICK)
        for _ in islice(source, 20):
            pass
        before = descriptors(), threading.active_count()
        for _ in islice(source, 60):
            pass
        connections = server.connections
        after = descriptors(), threading.active_count()
        source.close()
    assert connections > 10
    assert after[0] <= before[0] + 3
    assert after[1] <= before[1] + 3


class Stuck(Source):
    """A camera whose driver delivers some frames and then never returns."""

    kind, live, size = "camera", True, clips.SIZE

    def __init__(self, frames: int, release: threading.Event) -> None:
        super().__init__("camera 0")
        self._frames_before, self._release = frames, release

    def _read(self) -> Iterator[Frame]:
        for index in range(self._frames_before):
            time.sleep(0.02)
            yield Frame(clips.numbered_image(index), index, 0.0)
        self._release.wait()


def test_a_read_that_never_returns_is_a_stall_and_does_not_hold_up_the_next_connection() -> None:
    release = threading.Event()
    source = LiveSource(lambda: Stuck(3, release), stall=0.2, reconnect=QUICK)
    indices = [frame.index for frame in islice(source, 9)]
    assert indices == sorted(set(indices))
    assert indices[-1] >= 8
    assert source.take_gap(3) == pytest.approx(0.2, abs=0.2)
    start = time.monotonic()
    source.stop()
    assert list(source) == []
    assert time.monotonic() - start < 1
    release.set()


def test_delays_double_up_to_a_bound_and_do_not_start_anew_for_a_source_that_flaps() -> None:
    assert list(islice(Reconnect(first_delay=1, longest_delay=5).delays(), 6)) == [0, 1, 2, 4, 5, 5]
    opened: list[float] = []

    def connect() -> Source:
        opened.append(time.monotonic())
        release = threading.Event()
        release.set()
        return Stuck(1, release)

    source = LiveSource(connect, stall=5, reconnect=Reconnect(first_delay=0.1, longest_delay=0.2))
    list(islice(source, 5))
    source.close()
    waits = [later - earlier for earlier, later in pairwise(opened)]
    assert waits[0] < 0.1 < waits[1] < 0.2 < waits[2]


def test_a_bad_limit_is_refused(engine: ExplainEngine) -> None:
    with pytest.raises(OptionError, match=r"reconnect is 0\.0"):
        engine.stream("http://127.0.0.1:1/", reconnect=0.0)
    assert Reconnect.of(True) == Reconnect()
    assert Reconnect.of(False) is None


def test_closing_a_stream_during_a_gap_is_quick(engine: ExplainEngine) -> None:
    with MjpegServer() as server:
        source = open_source(server.address, reconnect=Reconnect(first_delay=20))
        stream = engine.stream(source)
        next(stream)
        server.kill()
        time.sleep(0.3)
        start = time.monotonic()
        stream.close()
        assert time.monotonic() - start < 2


def test_another_frame_size_after_a_gap_keeps_what_was_written(
    convert: Callable[..., Sink], tmp_path: Path
) -> None:
    with MjpegServer(frames=15) as server:
        source = open_source(server.address, reconnect=QUICK)
        source.on_message = lambda _: setattr(server, "size", (80, 60))
        with pytest.raises(StreamError, match="is 80 x 60 in a video of 64 x 48; start a new output"):
            convert(source, tmp_path / "out.mp4")
    assert len(clips.read_video(tmp_path / "out.mp4")) >= 1
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
