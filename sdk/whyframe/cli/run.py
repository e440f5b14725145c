"""``whyframe run``: explain a video, an image, a folder, a camera or an address."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, nullcontext
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyframe.cli.options import Backend, Device, Json, Model, Target, Threads, open_engine
from whyframe.progress import progress_bar

if TYPE_CHECKING:
    from whyframe.explanation import Explanation
    from whyframe.video.sink import Sink
    from whyframe.video.sources import Source

__all__ = ["run"]


def run(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="Video, image, folder, camera number or rtsp:// address.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write; INPUT-explained here if not given.")
    ] = None,
    target: Target = None,
    refine: Annotated[
        int, typer.Option(min=0, help="Steps of post-hoc tuning a frame: finer and slower; 32 is plenty.")
    ] = 0,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after this many frames.")] = None,
    model: Model = None,
    backend: Backend = "auto",
    device: Device = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Explain a video, an image, a folder of images, a camera or a network address.

    A video becomes a video of the same frames, size and rate, with its
    sound where PyAV is installed; an image becomes an image, and a folder a
    folder. Ctrl-C keeps what was done, as a file that plays.

    \b
    whyframe run clip.mp4 -o out.mp4
    whyframe run photo.jpg --target espresso -o why.png
    whyframe run photos/ -o explained/
    whyframe run 0 --max-frames 300
    whyframe run rtsp://camera.local/stream --json

    With --json each frame is one line on stdout, and a file is written only
    with -o. The fields: index, timestamp (seconds, or null), class_id, label,
    probability, top5 (each with label, probability, class_id), no_signal
    (true where the map shows nothing), flat (deprecated: the same as
    no_signal), peak (x and y of the highest score, in pixels, or null) and
    timings (milliseconds). Images add file, their name.

    Exit status: 0 done, 1 an error, or something that could not be read (what
    could be was explained), 2 a wrong command line, 130 Ctrl-C.
    """  # noqa: D301 - a real backspace keeps the lines of the examples apart
    from whyframe.video.sinks import open_sink
    from whyframe.video.sources import open_source
    from whyframe.video.stream import stream_explanations

    with open_source(source) as opened, open_engine(model, backend, device, threads) as engine:
        results = stream_explanations(engine, opened, target=target, refine=refine)
        path = output or (None if as_json else _default_output(opened))
        sink = open_sink(path, opened) if path else None
        summary = _Summary(opened, sink)
        try:
            with closing(results):
                _explain_all(results, summary, as_json=as_json, max_frames=max_frames)
        except KeyboardInterrupt:
            summary.show()
            raise
    summary.show()
    if opened.problems:
        raise typer.Exit(1)


def _explain_all(
    results: Iterator[Explanation], summary: _Summary, *, as_json: bool, max_frames: int | None
) -> None:
    """Writes every explanation to where it goes, under a progress bar where a person watches."""
    source, sink = summary.source, summary.sink
    total = min((known for known in (max_frames, source.count) if known), default=None)
    with sink or nullcontext(), progress_bar(source.name, total, unit="frames", hidden=as_json) as bar:
        for explanation in islice(results, max_frames):
            if as_json:
                print(json.dumps(_json_line(explanation, source)), flush=True)
            if sink:
                sink.write(explanation)
            summary.add(explanation)
            bar.advance()


def _json_line(explanation: Explanation, source: Source) -> dict[str, Any]:
    file = {"file": source.files[explanation.index].name} if source.files else {}
    return {**file, **explanation.to_dict()}


def _default_output(source: Source) -> Path:
    """INPUT-explained in the current folder, in a format that can be written."""
    if source.path is None:
        return Path(f"{source.kind}-explained.mp4")
    from whyframe.video.sinks import VIDEO_SUFFIXES

    suffix = source.path.suffix
    if source.kind == "video" and suffix.lower() not in VIDEO_SUFFIXES:
        suffix = ".mp4"
    return Path(f"{source.path.resolve().stem}-explained{suffix}")


class _Summary:
    """What a run did, told in two lines on stderr; what could not be read has a line each."""

    def __init__(self, source: Source, sink: Sink | None) -> None:
        self.source, self.sink = source, sink
        self._labels: Counter[str] = Counter()
        self._latency = 0.0
        self._start = perf_counter()

    def add(self, explanation: Explanation) -> None:
        """Counts one explanation."""
        self._labels[explanation.label] += 1
        self._latency += explanation.timings["total"]

    def show(self) -> None:
        """Prints the summary and the problems."""
        frames = self._labels.total()
        if frames:
            print(f"{self._what(frames)}\n{self._how(frames)}", file=sys.stderr)
        for problem in self.source.problems:
            print(f"whyframe: {problem}", file=sys.stderr)

    def _what(self, frames: int) -> str:
        size = "" if self.source.size is None else f" of {self.source.size[0]} x {self.source.size[1]}"
        rate = "" if self.source.fps is None else f" at {self.source.fps:.4g} fps"
        output = self.source.name if self.sink is None else f"{self.sink.path} ({self.sink.description})"
        return f"{output}: {frames} {'frame' if frames == 1 else 'frames'}{size}{rate}"

    def _how(self, frames: int) -> str:
        seconds = perf_counter() - self._start
        labels = ", ".join(f"{label} ({count})" for label, count in self._labels.most_common(3))
        return f"{self._latency / frames:.1f} ms a frame to explain, {seconds:.1f} s in all; mostly {labels}"
