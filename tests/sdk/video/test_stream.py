from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from helpers import clips, toy
from whyframe import ExplainEngine
from whyframe.errors import ModelError, SourceError, TargetError
from whyframe.video.sources import Frame, Source, open_source
from whyframe.video.stream import stream_explanations


class Clock(Source):
    """A source of numbered frames that can wait before each frame, and fail."""

    kind = "camera"
    size = clips.SIZE

    def __init__(
        self, count: int, *, live: bool, wait: Callable[[], object] = bool, fails_at: int | None = None
    ) -> None:
        super().__init__("clock")
        self.live, self.count = live, count
        self.closed = 0
        self.decoded = 0
        self.images: list[weakref.ref[np.ndarray]] = []
        self.most_alive = 0
        self._wait, self._fails_at = wait, fails_at

    def _read(self) -> Iterator[Frame]:
        assert self.count is not None
        for index in range(self.count):
            if index == self._fails_at:
                raise SourceError("the camera was disconnected; connect it.")
            self._wait()
            image = clips.numbered_image(index % 30)
            self.images.append(weakref.ref(image))
            self.most_alive = max(self.most_alive, sum(image() is not None for image in self.images))
            self.decoded += 1
            yield Frame(image, index, index / 30)

    def close(self) -> None:
        self.closed += 1


@dataclass
class Counter:
    """Counts the explanations that an engine and its clones make."""

    calls: list[int] = field(default_factory=list)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> Counter:
        run = ExplainEngine.run

        def counted(engine: ExplainEngine, *args: object, **options: object) -> object:
            self.calls.append(threading.get_ident())
            return run(engine, *args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(ExplainEngine, "run", counted)
        return self


def stages() -> list[threading.Thread]:
    """Return the threads of the pipeline that are alive."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("whyframe-")]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.002)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    wait_until(lambda: not stages())


def test_a_file_gives_every_frame_in_order_and_equal_to_run(engine: ExplainEngine, tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "a.mp4")
    results = list(engine.stream(path, target="blue"))
    with open_source(path) as source:
        frames = list(source)
    assert [result.index for result in results] == list(range(30))
    assert [result.timestamp for result in results] == [frame.timestamp for frame in frames]
    for result, frame in zip(results, frames, strict=True):
        alone = engine.run(frame.image, target="blue")
        np.testing.assert_array_equal(result.frame, frame.image)
        np.testing.assert_array_equal(result.mask, alone.mask)
        assert (result.label, result.probability) == ("blue", alone.probability)


def test_refine_reaches_every_frame(engine: ExplainEngine) -> None:
    for result in stream_explanations(engine, Clock(3, live=False), refine=4):
        assert result.mask.shape == (16, 16)


def test_a_file_waits_for_a_slow_consumer_and_holds_few_frames(engine: ExplainEngine) -> None:
    source = Clock(60, live=False)
    indices = []
    for result in stream_explanations(engine, source):
        indices.append(result.index)
        time.sleep(0.002)
        del result
    assert indices == list(range(60))
    # Two in each queue, one in each of the three stages, and one that is being decoded.
    assert source.most_alive <= 8


def test_a_live_source_drops_old_frames_for_a_slow_consumer(engine: ExplainEngine) -> None:
    source = Clock(150, live=True)
    indices = []
    for result in stream_explanations(engine, source):
        indices.append(result.index)
        wait_until(lambda: source.decoded == 150)
        del result
    assert indices == sorted(set(indices))
    assert indices[-1] == 149, "the newest frame is always explained"
    # The first result, one that waits, one that is being computed, and the newest frame.
    assert len(indices) <= 4
    assert source.most_alive <= 6


def test_a_live_source_drops_old_frames_for_a_slow_engine(
    engine: ExplainEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Clock(150, live=True)
    run = ExplainEngine.run

    def slow(*args: object, **options: object) -> object:
        wait_until(lambda: source.decoded == 150)
        return run(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ExplainEngine, "run", slow)
    indices = [result.index for result in stream_explanations(engine, source)]
    assert indices[-1] == 149
    assert len(indices) <= 2


def test_a_live_source_with_a_fast_consumer_drops_nothing(engine: ExplainEngine) -> None:
    taken = threading.Semaphore(1)
    source = Clock(20, live=True, wait=taken.acquire)
    indices = []
    for result in stream_explanations(engine, source):
        indices.append(result.index)
        taken.release()
    assert indices == list(range(20))


def test_closing_early_ends_the_threads_and_closes_the_source(engine: ExplainEngine) -> None:
    source = Clock(10_000, live=False)
    stream = stream_explanations(engine, source)
    next(stream)
    stream.close()
    assert source.closed == 1
    assert source.decoded < 10
    assert not stages()


def test_an_error_of_the_consumer_closes_the_source(engine: ExplainEngine) -> None:
    source = Clock(10_000, live=False)
    with pytest.raises(ZeroDivisionError):
        for _ in stream_explanations(engine, source):
            raise ZeroDivisionError
    wait_until(lambda: bool(source.closed))


def test_an_error_of_decoding_is_raised_after_the_earlier_frames(engine: ExplainEngine) -> None:
    source = Clock(10, live=False, fails_at=4)
    stream = stream_explanations(engine, source)
    assert [next(stream).index for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(SourceError, match="disconnected"):
        next(stream)
    assert source.closed == 1


def test_an_error_of_inference_is_raised(tmp_path: Path) -> None:
    source = Clock(10, live=False)
    model = toy.write(tmp_path / "breaks.onnx", breaks_when=3)
    with ExplainEngine(model) as engine, pytest.raises(ModelError):
        list(engine.stream(source, target=3))
    assert source.closed == 1


def test_an_unknown_target_and_a_missing_source_fail_at_the_call(
    engine: ExplainEngine, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match="'green'"):
        engine.stream(tmp_path, target="greem")
    with pytest.raises(SourceError, match="does not exist"):
        engine.stream(tmp_path / "none.mp4")


def test_the_engine_stays_usable_by_the_caller(
    engine: ExplainEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = Counter().watch(monkeypatch)
    for result in engine.stream(Clock(5, live=False)):
        assert engine.run(result.frame).label == result.label
    assert len(counter.calls) == 10
    assert len(set(counter.calls)) == 2, "the stream explains in a thread of its own"
    assert engine.run(clips.numbered_image(0)).index == 0


def test_several_workers_keep_the_order_the_errors_and_an_early_close(toy_path: Path) -> None:
    with ExplainEngine(toy_path, threads=3) as engine:
        assert len(engine.workers()) == 3
        results = list(stream_explanations(engine, Clock(40, live=False)))
        assert [result.index for result in results] == list(range(40))
        for result in results:
            np.testing.assert_allclose(
                result.mask, engine.run(clips.numbered_image(result.index % 30)).mask, atol=1e-5
            )
        indices = []
        with pytest.raises(SourceError, match="disconnected"):
            for result in stream_explanations(engine, Clock(40, live=False, fails_at=7)):
                indices.append(result.index)  # noqa: PERF401 - a comprehension would lose them at the error
        assert indices == list(range(7))
        source = Clock(40, live=False)
        stream = stream_explanations(engine, source)
        next(stream)
        stream.close()
        assert source.closed == 1
