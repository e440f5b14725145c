"""The bounded pipeline of a video: decoding, explaining and drawing overlap, and memory stays flat."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from whyframe.video.sources import Frame, Source, open_source

if TYPE_CHECKING:
    from whyframe.engine import ExplainEngine
    from whyframe.explanation import Explanation

__all__ = ["stream_explanations"]

# Two waiting items absorb the jitter of the stages; more would only add latency and memory.
_QUEUE_LENGTH = 2
_JOIN_SECONDS = 5.0

Item = TypeVar("Item")


def stream_explanations(
    engine: ExplainEngine,
    source: str | Path | int | Source,
    *,
    target: str | int | None = None,
    refine: int = 0,
) -> Generator[Explanation, None, None]:
    """Explains the frames of a source as they come.

    One thread decodes and others explain, with the engine's workers, while the caller uses what it holds. A
    file or a folder waits for a slow caller, and every frame comes, in order. A live source does not wait:
    the caller always gets the newest frame, and jumps of ``Explanation.index`` show what was dropped.

    Args:
        engine: what explains; the caller may go on using it meanwhile.
        source: anything that `open_source` takes. An open Source is closed at the end, like any other.
        target: class to explain in every frame, by name or id; None for each frame's predicted class.
        refine: steps of post-hoc tuning for each frame; 0 for none.

    Yields:
        Explanations with ``index`` and ``timestamp`` (seconds) of their frames.

    Raises:
        TargetError: the model has no such class; raised by this call, before a frame is asked for.
        SourceError: nothing readable is there; raised likewise.
        WhyframeError: whatever decoding or explaining a frame raised, after the results before it.
    """
    class_id = None if target is None else engine.class_id(target)
    opened = open_source(source)
    # A live source wants its newest frame soon, a file all its frames soon.
    workers = [engine.clone()] if opened.live else engine.workers()
    unclaimed, own = iter(workers), threading.local()

    def claim() -> None:
        own.engine = next(unclaimed)

    pool = ThreadPoolExecutor(len(workers), "whyframe-worker", initializer=claim)

    def explain(frame: Frame) -> Explanation:
        explanation = own.engine.run(frame.image, target=class_id, refine=refine)
        return replace(explanation, index=frame.index, timestamp=frame.timestamp)

    def submitted(frames: Iterator[Frame]) -> Iterator[Future[Explanation]]:
        try:
            for frame in frames:
                workers[0].prefetch(frame.image)
                yield pool.submit(explain, frame)
        except Exception as error:  # comes in its turn, after the results of the frames before it
            failed: Future[Explanation] = Future()
            failed.set_exception(error)
            yield failed

    def explain_all(frames: Iterator[Frame]) -> Iterator[Explanation]:
        """In order. Of a file one frame more than there are workers is in hand, on its way to the device."""
        room = 1 if opened.live else len(workers) + 1
        pending: deque[Future[Explanation]] = deque()
        for future in submitted(frames):
            pending.append(future)
            if len(pending) == room:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def close() -> None:
        pool.shutdown()
        for worker in workers:
            worker.close()

    return _pipeline(opened, explain_all, close)


def _pipeline(
    source: Source,
    explain_all: Callable[[Iterator[Frame]], Iterator[Explanation]],
    close: Callable[[], None],
) -> Generator[Explanation, None, None]:
    """Runs the two threads for as long as the caller iterates; closing the iterator ends them."""
    frames: _Channel[Frame] = _Channel(_QUEUE_LENGTH, latest_only=source.live)
    results: _Channel[Explanation] = _Channel(_QUEUE_LENGTH, latest_only=source.live)
    stages = [
        _start_stage("whyframe-decode", source, frames, source.close),
        _start_stage("whyframe-explain", explain_all(frames), results, close),
    ]
    try:
        yield from results
    finally:
        for channel in (results, frames):
            channel.abandon()
        for stage in stages:
            stage.join(_JOIN_SECONDS)


def _start_stage(
    name: str, items: Iterator[Item], output: _Channel[Item], close: Callable[[], None]
) -> threading.Thread:
    """Starts a thread that moves items into a channel until they end, fail, or nobody wants them."""

    def move() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not output.put(item):
                    break
        except BaseException as caught:  # the caller meets it in the channel
            error = caught
        output.finish(error)
        # The thread that reads is the one that may release: a capture must not vanish under its reader.
        close()

    # Daemons: a camera driver that never returns must not keep the interpreter alive.
    thread = threading.Thread(target=move, name=name, daemon=True)
    thread.start()
    return thread


class _Channel(Generic[Item]):
    """A bounded hand-over between two threads that ends, fails and can be abandoned.

    Args:
        length: items that may wait; with ``latest_only``, one may, and a newer one takes its place.
        latest_only: drop the waiting item rather than make the producer wait.
    """

    def __init__(self, length: int, *, latest_only: bool) -> None:
        self._items: deque[Item] = deque(maxlen=1 if latest_only else None)
        self._room = length
        self._latest_only = latest_only
        self._changed = threading.Condition()
        self._finished = self._abandoned = False
        self._error: BaseException | None = None

    def put(self, item: Item) -> bool:
        """Hands over an item; False where the consumer has gone."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._abandoned or self._latest_only or len(self._items) < self._room
            )
            if not self._abandoned:
                self._items.append(item)
                self._changed.notify_all()
            return not self._abandoned

    def finish(self, error: BaseException | None) -> None:
        """No item follows; the consumer meets ``error`` after those that wait."""
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """The consumer has gone: what waits is dropped and the producer is released."""
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
