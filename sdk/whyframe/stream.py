"""The bounded pipeline of a video: decoding, explaining and drawing overlap, and memory stays flat."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from whyframe.sources import Frame, Source, open_source

if TYPE_CHECKING:
    from whyframe.engine import ExplainEngine
    from whyframe.explanation import Explanation

__all__ = ["stream_explanations"]

# Two waiting items absorb the jitter of the stages; more would only add latency and memory.
_QUEUE_LENGTH = 2
_JOIN_SECONDS = 5.0

Item = TypeVar("Item")
Explain = Callable[["ExplainEngine", Frame], "Explanation"]


def stream_explanations(
    engine: ExplainEngine,
    source: str | Path | int | Source,
    *,
    target: str | int | None = None,
    refine: int = 0,
) -> Generator[Explanation, None, None]:
    """Explains the frames of a source as they come.

    Decoding and explaining overlap, in threads of their own, while the caller uses what it holds. A file or a
    folder waits for a slow caller, and every frame comes, in order. A live source does not wait: the caller always
    gets the newest frame, and jumps of ``Explanation.index`` show what was dropped.

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

    def explain(worker: ExplainEngine, frame: Frame) -> Explanation:
        explanation = worker.run(frame.image, target=class_id, refine=refine)
        return replace(explanation, index=frame.index, timestamp=frame.timestamp)

    return (_in_stages if len(workers) == 1 else _side_by_side)(opened, workers, explain)


def _side_by_side(
    source: Source, workers: list[ExplainEngine], explain: Explain
) -> Generator[Explanation, None, None]:
    """Each worker decodes the frame that it explains: as many threads as cores, none waiting for another's."""
    promised: _Channel[Future[Explanation]] = _Channel(len(workers))
    turn, busy = threading.Lock(), list(workers)

    def claim() -> tuple[Frame, Future[Explanation]] | None:
        """The next frame and the place of its result in the order; None at the end."""
        with turn:
            result: Future[Explanation] = Future()
            try:
                frame = next(source)
            except BaseException as error:  # the caller meets it after the results before it
                promised.finish(None if isinstance(error, StopIteration) else error)
                return None
            return (frame, result) if promised.put(result) else None

    def work(worker: ExplainEngine) -> None:
        while (claimed := claim()) is not None:
            frame, result = claimed
            try:
                result.set_result(explain(worker, frame))
            except BaseException as error:  # the caller meets it in its turn
                result.set_exception(error)
        worker.close()
        with turn:
            busy.remove(worker)
            if not busy:
                source.close()

    threads = [_start("whyframe-worker", work, worker) for worker in workers]
    try:
        for result in promised:
            yield result.result()
    finally:
        promised.abandon()
        _join(threads)


def _in_stages(
    source: Source, workers: list[ExplainEngine], explain: Explain
) -> Generator[Explanation, None, None]:
    """One thread decodes; the one worker explains a frame while the next is on its way to the device."""
    (worker,) = workers
    pool = ThreadPoolExecutor(1, "whyframe-worker")

    def submitted(frames: Iterator[Frame]) -> Iterator[Future[Explanation]]:
        try:
            for frame in frames:
                worker.prefetch(frame.image)
                yield pool.submit(explain, worker, frame)
        except Exception as error:  # comes in its turn, after the results of the frames before it
            failed: Future[Explanation] = Future()
            failed.set_exception(error)
            yield failed

    def explained(frames: Iterator[Frame]) -> Iterator[Explanation]:
        room = 1 if source.live else 2
        pending: deque[Future[Explanation]] = deque()
        for future in submitted(frames):
            pending.append(future)
            if len(pending) == room:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def close() -> None:
        pool.shutdown()
        worker.close()

    frames: _Channel[Frame] = _Channel(_QUEUE_LENGTH, latest_only=source.live)
    results: _Channel[Explanation] = _Channel(_QUEUE_LENGTH, latest_only=source.live)
    stages = [
        _start_stage("whyframe-decode", source, frames, source.close),
        _start_stage("whyframe-explain", explained(frames), results, close),
    ]
    try:
        yield from results
    finally:
        for channel in (results, frames):
            channel.abandon()
        _join(stages)


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

    return _start(name, move)


def _start(name: str, work: Callable[..., None], *arguments: object) -> threading.Thread:
    # Daemons: a camera driver that never returns must not keep the interpreter alive.
    thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
    thread.start()
    return thread


def _join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join(_JOIN_SECONDS)


class _Channel(Generic[Item]):
    """A bounded hand-over to one thread that ends, fails and can be abandoned.

    Args:
        length: items that may wait; with ``latest_only``, one may, and a newer one takes its place.
        latest_only: drop the waiting item rather than make the producer wait.
    """

    def __init__(self, length: int, *, latest_only: bool = False) -> None:
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
        """No item follows; the consumer meets ``error`` after those that wait. The first call counts."""
        with self._changed:
            if not self._finished:
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
