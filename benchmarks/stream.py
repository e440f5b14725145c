"""What `stream()` takes of a video file, beside its decoding alone and its inference alone.

    python benchmarks/stream.py CLIP [CLIP ...] -o benchmarks/results/stream

The three are timed in turns, in a fresh random order each round: `decoding` reads every frame and drops it,
`inference` calls `ExplainEngine.run` once a frame on frames that are in memory already, `stream` does both as
`ExplainEngine.stream` overlaps them. Writes NAME.json (raw samples, seconds) and NAME.md.
"""

from __future__ import annotations

import argparse
import json
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from whyframe import ExplainEngine
from whyframe.benchmark import interleave, machine_facts
from whyframe.files import write_whole
from whyframe.sources import open_source

HELD = 8
"""Frames that inference alone goes through in turns: more than a cache holds, little memory."""


def main() -> None:
    """Measures, prints the table, writes both files."""
    args = _arguments()
    with ExplainEngine() as engine:
        clips = [_measure(engine, clip, args.rounds, args.frames) for clip in args.clips]
    report = {"clips": clips, "machine": machine_facts()}
    write_whole(args.output.with_suffix(".json"), json.dumps(report, indent=1).encode())
    write_whole(args.output.with_suffix(".md"), table(report).encode())
    print(table(report))


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

    samples = interleave({"decoding": decode, "inference": infer, "stream": stream}, rounds, warm_up=1)
    seconds = {name: [value / 1e3 for value in values] for name, values in samples.items()}
    height, width = held[0].shape[:2]
    return summarise({"clip": clip.name, "size": f"{width} x {height}", "frames": frames}, seconds)


def summarise(facts: dict[str, Any], seconds: dict[str, list[float]]) -> dict[str, Any]:
    """The medians, and the stream's over the slower of the two parts it overlaps."""
    medians = {name: median(values) for name, values in seconds.items()}
    slower = max(medians["decoding"], medians["inference"])
    return {**facts, "median_s": medians, "ratio": medians["stream"] / slower, "samples_s": seconds}


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    rows = [
        f"| {one['clip']} | {one['size']} | {one['frames']} | "
        + " | ".join(f"{one['median_s'][part]:.2f}" for part in ("decoding", "inference", "stream"))
        + f" | {one['ratio']:.2f} |"
        for one in report["clips"]
    ]
    machine = report["machine"]
    return "\n".join(
        [
            "| clip | size | frames | decoding (s) | inference (s) | stream (s) | stream / slower |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Medians; {machine['cpu']}, {machine['cores']} cores, ONNX Runtime {machine['onnxruntime']}, "
            f"OpenCV {machine['opencv']}.",
            "",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP", help="video files")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NAME", help="NAME.json, NAME.md")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds (default 7)")
    parser.add_argument("--frames", type=int, default=300, help="frames of each clip, at most (default 300)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
