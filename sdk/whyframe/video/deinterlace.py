"""Deinterlacing of decoded frames with FFmpeg's bwdif filter."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph

__all__ = ["Deinterlacer"]


class Deinterlacer:
    """Filter that makes one whole image of the two fields of each interlaced frame.

    Progressive frames pass unchanged, and cost nothing before the first interlaced frame.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def frames(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Yield the frames that are complete after the given one; None yields what the filter still holds."""
        shape = None if frame is None else (frame.width, frame.height, frame.format.name)
        if self._graph is not None and shape != self._shape:
            yield from self._push(None)
            self._graph = None
        if frame is None:
            return
        if self._graph is None and not frame.interlaced_frame:
            yield frame
            return
        if self._graph is None:
            self._graph, self._shape = _bwdif(frame), shape
        yield from self._push(frame)

    def _push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        assert self._graph is not None
        self._graph.vpush(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):  # noqa: PERF203 - how the filter says that it wants more
                return


def _bwdif(frame: av.VideoFrame) -> Graph:
    """Return a graph that gives one progressive frame for each frame."""
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 1000),
        ),
        graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"),
        graph.add("buffersink"),
    ).configure()
    return graph
