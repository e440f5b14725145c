"""Pipeline of a video: decoding, explaining and drawing overlap in time, in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from whyframe.image_options import ImageOptions
from whyframe.reader_threads import start_reader
from whyframe.targets import Target, resolve_target
from whyframe.video.live import Reconnect
from whyframe.video.sources import Frame, Source, open_source

if TYPE_CHECKING:
    from whyframe.explanation import Explanation

__all__ = ["StreamEngine", "stream_explanations"]

# Two waiting items absorb the jitter of the stages; more would only add latency and memory.
_QUEUE_LENGTH = 2
_JOIN_SECONDS = 5.0

Item = TypeVar("Item")


class StreamEngine(Protocol):
    """The part of `whyframe.ExplainEngine` that a stream uses."""

    def class_id(self, target: str | int) -> int:
        """Return the id of a class given by name or id."""

    def run(self, frame: Any, *, target: Target = None, refine: int = 0) -> Explanation:
        """Explain one frame."""

    def prefetch(self, frame: Any) -> None:
        """Start the upload of a frame that `run` will be given later."""

    def clone(self) -> StreamEngine:
        """Return another engine, for another thread."""

    def workers(self) -> Sequence[StreamEngine]:
        """Return the engines that together give the highest throughput, each for its own thread."""

    def close(self) -> None:
        """Release the model."""


def stream_explanations(
    engine: StreamEngine,
    source: str | Path | int | Source,
    *,
    target: Target = None,
    refine: int = 0,
    reconnect: bool | float = False,
    images: ImageOptions | None = None,
) -> Generator[Explanation, None, None]:
    """Explain the frames of a source while it is read.

    One thread decodes and others explain, with the engine's workers, while the caller uses the results. A file
    or a folder waits for a slow caller, and every frame is explained, in order. A live source does not wait:
    the caller always gets the newest frame, and gaps in ``Explanation.index`` show which frames were dropped.

    Args:
        engine: The engine that explains. The caller may use it for other frames meanwhile.
        source: Anything that `open_source` accepts. An open Source is closed at the end too.
        target: Class to explain in every frame, by name or id, or a pair as for `ExplainEngine.run`; None for each
            frame's predicted class.
        refine: Number of refinement steps for each frame; 0 for none.
        reconnect: Whether a live source that is lost is connected again, as for `ExplainEngine.stream`.
        images: How the images of a source are read; None for the defaults.

    Yields:
        Explanations with the ``index`` and the ``timestamp`` (seconds) of their frames; of a live source also with
        ``dropped`` and ``gap``.

    Raises:
        TargetError: The model has no such class. Raised by the call itself, before the first frame is requested.
        SourceError: The source cannot be read. Raised by the call itself.
        StreamError: A live source ended, broke or stalled, and was not connected again. Raised after the results of
            earlier frames, with the number of frames that were received.
        WhyframeError: A frame could not be decoded or explained. Raised after the results of earlier frames.
    """
    resolved = resolve_target(engine.class_id, target)
    opened = open_source(source, reconnect=Reconnect.of(reconnect), images=images)
    if opened.live:  # the newest frame has to be finished soon: no second frame is in work beside it
        workers = _Workers([engine.clone()], resolved, refine, in_flight=1)
    else:  # an extra frame is in flight, so that its upload overlaps with the work on the others
        engines = engine.workers()
        workers = _Workers(engines, resolved, refine, in_flight=len(engines) + 1)
    return _pipeline(opened, workers)


class _Workers:
    """Engines that explain frames in parallel, each in its own thread.

    Args:
        engines: The engines, which `close` closes.
        target: Class to explain, or pair, by id; None for each frame's predicted class.
        refine: Number of refinement steps for each frame.
        in_flight: Number of frames that are submitted before the result of the first is awaited.
    """

    def __init__(
        self, engines: Sequence[StreamEngine], target: Target, refine: int, *, in_flight: int
    ) -> None:
        self._engines, self._target, self._refine = engines, target, refine
        self._in_flight = in_flight
        self._thread = threading.local()
        self._unclaimed = iter(engines)
        self._pool = ThreadPoolExecutor(len(engines), "whyframe-worker", initializer=self._claim_engine)

    def explain_all(self, frames: Iterator[Frame]) -> Iterator[Explanation]:
        """Yield the explanations of frames in the order of the frames."""
        pending: deque[Future[Explanation]] = deque()
        for future in self._submit_all(frames):
            pending.append(future)
            if len(pending) == self._in_flight:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def close(self) -> None:
        """Wait for the frames in work, and close the engines."""
        self._pool.shutdown()
        for engine in self._engines:
            engine.close()

    def _claim_engine(self) -> None:
        self._thread.engine = next(self._unclaimed)

    def _submit_all(self, frames: Iterator[Frame]) -> Iterator[Future[Explanation]]:
        """Yield a future for each frame; an error becomes the last future, after the earlier results."""
        try:
            for frame in frames:
                self._engines[0].prefetch(frame.image)
                yield self._pool.submit(self._explain, frame)
        except Exception as error:
            failed: Future[Explanation] = Future()
            failed.set_exception(error)
            yield failed

    def _explain(self, frame: Frame) -> Explanation:
        explanation = self._thread.engine.run(frame.image, target=self._target, refine=self._refine)
        return replace(explanation, index=frame.index, timestamp=frame.timestamp)


def _pipeline(source: Source, workers: _Workers) -> Generator[Explanation, None, None]:
    """Run the two threads while the caller iterates; closing the iterator ends them."""
    frames: _Channel[Frame] = _Channel(_QUEUE_LENGTH, latest_only=source.live)
    results: _Channel[Explanation] = _Channel(_QUEUE_LENGTH, latest_only=source.live)
    stages = [
        _start_stage("whyframe-decode", source, frames, source.close),
        _start_stage("whyframe-explain", workers.explain_all(frames), results, workers.close),
    ]
    try:
        yield from _counted(source, results) if source.live else results
    finally:
        source.stop()
        for channel in (results, frames):
            channel.abandon()
        for stage in stages:
            stage.join(_JOIN_SECONDS)


def _counted(source: Source, results: Iterator[Explanation]) -> Iterator[Explanation]:
    """Add to each explanation of a live source how many frames were dropped, and how long it was lost, before it."""
    expected = 0
    for explanation in results:
        dropped, expected = explanation.index - expected, explanation.index + 1
        yield replace(explanation, dropped=dropped, gap=source.take_gap(explanation.index))


def _start_stage(
    name: str, items: Iterator[Item], output: _Channel[Item], close: Callable[[], None]
) -> threading.Thread:
    """Start a thread that moves items into a channel until they end, fail, or the channel is abandoned."""

    def move() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not output.put(item):
                    break
        except BaseException as caught:  # the channel raises it in the consumer's thread
            error = caught
        output.finish(error)
        # Closed by the thread that reads: a capture must not be released while another thread reads from it.
        close()

    return start_reader(move, name)


class _Channel(Generic[Item]):
    """Bounded queue between two threads that can end, fail and be abandoned.

    Args:
        length: Number of items that may wait. With ``latest_only`` at most one item waits.
        latest_only: Replace the waiting item by a newer one, rather than make the producer wait.
    """

    def __init__(self, length: int, *, latest_only: bool) -> None:
        self._items: deque[Item] = deque(maxlen=1 if latest_only else None)
        self._length = length
        self._latest_only = latest_only
        self._changed = threading.Condition()
        self._finished = self._abandoned = False
        self._error: BaseException | None = None

    def put(self, item: Item) -> bool:
        """Add an item; return False where the channel was abandoned."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._abandoned or self._latest_only or len(self._items) < self._length
            )
            if not self._abandoned:
                self._items.append(item)
                self._changed.notify_all()
            return not self._abandoned

    def finish(self, error: BaseException | None) -> None:
        """End the channel; the consumer gets ``error``, if any, after the waiting items."""
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Drop the waiting items and release the producer, because nothing reads the channel any more."""
        with self._changed:
            self._abandoned = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._finished or self._abandoned)
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
        if self._error is not None:
            raise self._error
        raise StopIteration
