"""Cache of CUDA graphs: work is captured once, and launched again as long as its addresses and sizes are the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from whyframe.cuda.driver import Driver, Graph, Stream

__all__ = ["GraphCache"]

_CAPACITY = 4  # two staging buffers times two sizes: enough for a source that alternates between two sizes


class GraphCache:
    """A few CUDA graphs of one stream, by key. The least recently used graph is removed first.

    Args:
        driver: The device. Its context must be current when `run` is called.
        stream: The stream of the captured work.
        capturable: Function that returns whether the work can be captured. If it cannot, `run` always queues it
            without a graph.
    """

    def __init__(self, driver: Driver, stream: Stream, capturable: Callable[[], bool] = lambda: True) -> None:
        self._driver, self._stream, self._capturable = driver, stream, capturable
        self._graphs: OrderedDict[Hashable, Graph] = OrderedDict()

    def run(self, key: Hashable, enqueue: Callable[[], None]) -> None:
        """Queue work as a graph, which is captured when its key is new.

        Args:
            key: Everything the graph depends on: addresses, sizes, pitches and formats.
            enqueue: Function that queues the work in the stream.
        """
        if key not in self._graphs:
            # The first run loads kernels and prepares TensorRT, which is not allowed during a capture.
            enqueue()
            self._stream.synchronize()
            if not self._capturable():
                return
            self._graphs[key] = self._driver.capture(self._stream, enqueue)
            while len(self._graphs) > _CAPACITY:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        self._graphs[key].launch(self._stream)

    def __len__(self) -> int:
        return len(self._graphs)
