"""Summary that a run prints at its end."""

from __future__ import annotations

import sys
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING

from whyframe.printable import printable

if TYPE_CHECKING:
    from whyframe.explanation import Explanation
    from whyframe.video.sink import Sink
    from whyframe.video.sources import Source

__all__ = ["RunSummary"]


class RunSummary:
    """Summary of a run: two lines on stderr, and a line for each part of the input that could not be read.

    Args:
        source: The source that is explained.
        sink: The output; None for no output.

    Attributes:
        source: The source that is explained.
        sink: The output; None for no output.
    """

    def __init__(self, source: Source, sink: Sink | None) -> None:
        self.source, self.sink = source, sink
        self._labels: Counter[str] = Counter()
        self._frames = self._dropped = 0
        self._milliseconds = 0.0
        self._start = perf_counter()

    def add(self, explanation: Explanation) -> None:
        """Add an explanation to the counts."""
        above = explanation.labels_above_threshold
        self._labels.update([explanation.label] if above is None else [score.label for score in above])
        self._frames += 1
        self._dropped += explanation.dropped
        self._milliseconds += explanation.timings["total"]

    def show(self) -> None:
        """Print the summary and the problems."""
        frames = self._frames
        if frames:
            for line in (self._output_line(frames), self._latency_line(frames)):
                print(printable(line), file=sys.stderr)
        for problem in self.source.problems:
            print(f"whyframe: {printable(problem)}", file=sys.stderr)

    def _output_line(self, frames: int) -> str:
        size = "" if self.source.size is None else f" of {self.source.size[0]} x {self.source.size[1]}"
        rate = "" if self.source.fps is None else f" at {self.source.fps:.4g} fps"
        dropped = f", {self._dropped} dropped to stay in time" if self._dropped else ""
        output = self.source.name if self.sink is None else f"{self.sink.path} ({self.sink.description})"
        return f"{output}: {frames} {'frame' if frames == 1 else 'frames'}{size}{rate}{dropped}"

    def _latency_line(self, frames: int) -> str:
        latency, seconds = self._milliseconds / frames, perf_counter() - self._start
        labels = ", ".join(f"{label} ({count})" for label, count in self._labels.most_common(3))
        labels = labels or "no label above its threshold"
        return f"{latency:.1f} ms per frame to explain, {seconds:.1f} s in total; mostly {labels}"
