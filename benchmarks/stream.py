"""Time that `ExplainEngine.stream` takes for a video file, beside its decoding alone and its inference alone.

    python benchmarks/stream.py CLIP [CLIP ...] -o benchmarks/results/stream

`decoding` reads every frame and drops it. `inference` calls `ExplainEngine.run` once per frame, on frames that are
already in memory. `stream` does both, overlapped. The three are timed in interleaved rounds of random order, for
engines of each number of threads. `floor` estimates the shortest time of `stream`, relative to its slower part,
where the two parts together need more processor time than the cores have. Writes NAME.json, with the raw samples in
seconds, and NAME.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from script_output import argument_parser, markdown_table, write_results
from whyframe import ExplainEngine
from whyframe.benchmark import machine_facts, time_interleaved
from whyframe.cores import usable_cores
from whyframe.files import json_text
from whyframe.video.sources import open_source

FRAMES_IN_MEMORY = 8
"""Number of frames that `inference` uses in turn: too many for the processor's caches, few for the memory."""


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    clips = [clip for threads in args.threads or [usable_cores()] for clip in _with_threads(threads, args)]
    report = {"clips": clips, "machine": machine_facts()}
    write_results(args.output, table(report), json_text(report, indent=1))


def _with_threads(threads: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    with ExplainEngine(threads=threads) as engine:
        measured = [_measure(engine, clip, args.rounds, args.frames) for clip in args.clips]
    return [{"threads": threads, **clip} for clip in measured]


def _measure(engine: ExplainEngine, clip: Path, rounds: int, limit: int) -> dict[str, Any]:
    with open_source(clip) as source:
        images = [frame.image for frame in islice(source, FRAMES_IN_MEMORY)]
    frames = sum(1 for _ in islice(open_source(clip), limit))

    def decode() -> None:
        with open_source(clip) as source:
            assert sum(1 for _ in islice(source, frames)) == frames

    def infer() -> None:
        for index in range(frames):
            engine.run(images[index % len(images)])

    def stream() -> None:
        results = engine.stream(clip)
        assert sum(1 for _ in islice(results, frames)) == frames
        results.close()  # type: ignore[attr-defined]

    busy: dict[str, list[float]] = {}
    parts: dict[str, Callable[[], object]] = {"decoding": decode, "inference": infer, "stream": stream}
    recorded = {name: _recorded(part, busy.setdefault(name, [])) for name, part in parts.items()}
    samples = time_interleaved(recorded, rounds, warm_up=1)
    seconds = {name: [value / 1e3 for value in values] for name, values in samples.items()}
    height, width = images[0].shape[:2]
    facts = {"clip": clip.name, "size": f"{width} x {height}", "frames": frames}
    return summarise(facts, seconds, {name: values[1:] for name, values in busy.items()}, usable_cores())


def _recorded(part: Callable[[], object], busy: list[float]) -> Callable[[], object]:
    """Return the call with a record of the processor time of all threads that it takes, in seconds."""

    def run() -> None:
        start = process_time()
        part()
        busy.append(process_time() - start)

    return run


def summarise(
    facts: dict[str, Any], seconds: dict[str, list[float]], busy: dict[str, list[float]], cores: int
) -> dict[str, Any]:
    """Return the medians of a clip, and the time of `stream` relative to the slower of the parts it overlaps.

    Args:
        facts: Facts about the clip.
        seconds: Samples of each part in seconds.
        busy: Processor time of the samples of each part, in seconds.
        cores: Number of cores that all threads share.
    """
    medians, cpu = ({name: median(values) for name, values in samples.items()} for samples in (seconds, busy))
    slower = max(medians["decoding"], medians["inference"])
    floor = max(slower, (cpu["decoding"] + cpu["inference"]) / cores)
    ratios = {"ratio": medians["stream"] / slower, "floor": floor / slower}
    return {**facts, "median_s": medians, "cpu_s": cpu, **ratios, "samples_s": seconds}


def table(report: dict[str, Any]) -> str:
    """Return the page of a report."""
    machine = report["machine"]
    header = [
        "clip", "size", "frames", "threads", "decoding (s)", "inference (s)", "stream (s)", "stream / slower", "floor",
    ]  # fmt: skip
    return (
        "`python benchmarks/stream.py CLIP [CLIP ...] -o benchmarks/results/stream`. Medians; "
        f"{machine['cpu']}, {machine['cores']} cores, ONNX Runtime {machine['onnxruntime']}, OpenCV "
        f"{machine['opencv']}.\n\n{markdown_table(header, [_row(clip) for clip in report['clips']])}\n\n"
        "*Threads* is the number of threads of the engine. *Stream / slower* is the time of `stream` divided by the "
        "time of the slower part. *Floor* estimates the smallest value of this ratio: the processor time of decoding "
        "and inference, spread evenly over all cores, divided by the time of the slower part, and at least 1.\n"
    )


def _row(clip: dict[str, Any]) -> list[str]:
    facts = [clip["clip"], clip["size"], str(clip["frames"]), str(clip["threads"])]
    seconds = [f"{clip['median_s'][part]:.2f}" for part in ("decoding", "inference", "stream")]
    return [*facts, *seconds, f"{clip['ratio']:.2f}", f"{clip['floor']:.2f}"]


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP", help="video files")
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        help="numbers of threads of the engine (default: the number of usable cores)",
    )
    parser.add_argument("--rounds", type=int, default=7, help="number of timed rounds (default: %(default)s)")
    parser.add_argument(
        "--frames", type=int, default=300, help="largest number of frames of a clip (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
