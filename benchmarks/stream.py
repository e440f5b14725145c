"""What `stream()` takes of a video file, beside its decoding alone and its inference alone.

    python benchmarks/stream.py CLIP [CLIP ...] -o benchmarks/results/stream

The three are timed in turns, in a fresh random order each round: `decoding` reads every frame and drops it,
`inference` calls `ExplainEngine.run` once a frame on frames that are in memory already, `stream` does both as
`ExplainEngine.stream` overlaps them; for engines of each number of threads. `floor` is what perfect overlapping would
take where the parts need more processor time together than the cores have. Writes NAME.json (raw samples, seconds)
and NAME.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from whyframe import ExplainEngine
from whyframe.benchmark import machine_facts, time_interleaved
from whyframe.cores import usable_cores
from whyframe.files import atomic_write
from whyframe.video.sources import open_source

HELD = 8
"""Frames that inference alone goes through in turns: more than a cache holds, little memory."""


def main() -> None:
    """Measures, prints the table, writes both files."""
    args = _arguments()
    clips = [one for threads in args.threads or [usable_cores()] for one in _with_threads(threads, args)]
    report = {"clips": clips, "machine": machine_facts()}
    atomic_write(args.output.with_suffix(".json"), json.dumps(report, indent=1).encode())
    atomic_write(args.output.with_suffix(".md"), table(report).encode())
    print(table(report))


def _with_threads(threads: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    with ExplainEngine(threads=threads) as engine:
        measured = [_measure(engine, clip, args.rounds, args.frames) for clip in args.clips]
    return [{"threads": threads, **one} for one in measured]


def _measure(engine: ExplainEngine, clip: Path, rounds: int, most: int) -> dict[str, Any]:
    with open_source(clip) as source:
        held = [frame.image for frame in islice(source, HELD)]
    frames = sum(1 for _ in islice(open_source(clip), most))

    def decode() -> None:
        with open_source(clip) as source:
            assert sum(1 for _ in islice(source, frames)) == frames

    def infer() -> None:
        for index in range(frames):
            engine.run(held[index % len(held)])

    def stream() -> None:
        results = engine.stream(clip)
        assert sum(1 for _ in islice(results, frames)) == frames
        results.close()  # type: ignore[attr-defined]

    busy: dict[str, list[float]] = {}
    parts: dict[str, Callable[[], object]] = {"decoding": decode, "inference": infer, "stream": stream}
    watched = {name: _watched(part, busy.setdefault(name, [])) for name, part in parts.items()}
    samples = time_interleaved(watched, rounds, warm_up=1)
    seconds = {name: [value / 1e3 for value in values] for name, values in samples.items()}
    height, width = held[0].shape[:2]
    facts = {"clip": clip.name, "size": f"{width} x {height}", "frames": frames}
    return summarise(facts, seconds, {name: values[1:] for name, values in busy.items()}, usable_cores())


def _watched(part: Callable[[], object], busy: list[float]) -> Callable[[], object]:
    """The same, noting the processor time that each call took in all threads, in seconds."""

    def run() -> None:
        start = process_time()
        part()
        busy.append(process_time() - start)

    return run


def summarise(
    facts: dict[str, Any], seconds: dict[str, list[float]], busy: dict[str, list[float]], cores: int
) -> dict[str, Any]:
    """The medians, and the stream's over the slower of the two parts it overlaps.

    Args:
        facts: of the clip.
        seconds: samples of each part.
        busy: processor seconds of each part's samples.
        cores: that all threads share.
    """
    medians, cpu = ({name: median(values) for name, values in one.items()} for one in (seconds, busy))
    slower = max(medians["decoding"], medians["inference"])
    floor = max(slower, (cpu["decoding"] + cpu["inference"]) / cores)
    ratios = {"ratio": medians["stream"] / slower, "floor": floor / slower}
    return {**facts, "median_s": medians, "cpu_s": cpu, **ratios, "samples_s": seconds}


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    rows = [
        f"| {one['clip']} | {one['size']} | {one['frames']} | {one['threads']} | "
        + " | ".join(f"{one['median_s'][part]:.2f}" for part in ("decoding", "inference", "stream"))
        + f" | {one['ratio']:.2f} | {one['floor']:.2f} |"
        for one in report["clips"]
    ]
    machine = report["machine"]
    return "\n".join(
        [
            "| clip | size | frames | threads | decoding (s) | inference (s) | stream (s) | stream / slower | floor |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Medians; {machine['cpu']}, {machine['cores']} cores, ONNX Runtime {machine['onnxruntime']}, "
            f"OpenCV {machine['opencv']}. *Threads*: of the engine. *Floor*: the processor time of decoding and "
            "inference, spread evenly over all cores, over the slower part; 1 where the cores have time to spare.",
            "",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP", help="video files")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NAME", help="NAME.json, NAME.md")
    parser.add_argument("--threads", type=int, nargs="+", help="of the engine (default: the cores)")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds (default 7)")
    parser.add_argument("--frames", type=int, default=300, help="frames of each clip, at most (default 300)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
