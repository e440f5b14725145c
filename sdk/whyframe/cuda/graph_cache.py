"""Work that is captured into a CUDA graph once and replayed while nothing that it captured changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from whyframe.cuda.driver import Driver, Graph, Stream

__all__ = ["GraphCache"]

_KEPT = 4  # two staging buffers, twice: a source that alternates between two sizes stays captured


class GraphCache:
    """Graphs by their keys.

    Args:
        driver: The device; its context is current whenever `run` is called.
        stream: The one stream of the captured work.
        capturable: Asked before each capture; where it says no, work is queued each time.
    """

    def __init__(self, driver: Driver, stream: Stream, capturable: Callable[[], bool] = lambda: True) -> None:
        self._driver, self._stream, self._capturable = driver, stream, capturable
        self._graphs: OrderedDict[Hashable, Graph] = OrderedDict()

    def run(self, key: Hashable, enqueue: Callable[[], None]) -> None:
        """Queues the work: as a graph, captured the first time a key is seen.

        Args:
            key: All that the capture holds fast: addresses, sizes, pitches, formats.
            enqueue: Queues the work in the stream.
        """
        if key not in self._graphs:
            # Once without a graph: kernels are loaded, and TensorRT prepares, where that is still allowed.
            enqueue()
            self._stream.synchronize()
            if not self._capturable():
                return
            self._graphs[key] = self._driver.capture(self._stream, enqueue)
            while len(self._graphs) > _KEPT:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        self._graphs[key].launch(self._stream)

    def __len__(self) -> int:
        return len(self._graphs)
