"""``whyframe bench``: what an explanation costs on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from whyframe.cli.options import Backend, Device, Json, Model, Threads, open_engine

if TYPE_CHECKING:
    from whyframe.benchmark import Benchmark

__all__ = ["bench"]

_SIZE = (1280, 720)
_MEANINGS = {
    "classifier": "classifier alone",
    "fused": "classifier and explanation, fused",
    "run": f"run() on a {_SIZE[0]} x {_SIZE[1]} frame",
    "overlay": "drawing it on that frame",
}


def bench(
    model: Model = None,
    rounds: Annotated[int, typer.Option(min=1, help="Timed rounds, after a warm-up.")] = 50,
    backend: Backend = "auto",
    device: Device = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure latency: the classifier alone, with its explanation, run() end to end, and drawing.

    The variants take turns in one process. The explanation overhead is the
    median of the fused graph over the median of its classifier alone. --json
    has the raw samples and the facts of the machine.

    \b
    whyframe bench
    whyframe bench --threads 1 --rounds 200 --json > bench.json
    """  # noqa: D301 - a real backspace keeps the lines of the examples apart
    import cv2

    from whyframe.benchmark import measure_latency
    from whyframe.cli.demo_images import COFFEE, read_picture
    from whyframe.preprocess import as_bgr

    frame = as_bgr(cv2.resize(read_picture(COFFEE), _SIZE))
    with open_engine(model, backend, device, threads) as engine:
        result = measure_latency(engine, frame, rounds=rounds)
    print(json.dumps(result.to_dict())) if as_json else _print_table(result)


def _print_table(result: Benchmark) -> None:
    print(f"{'milliseconds':<34} {'quartile':>9} {'median':>9} {'quartile':>9}")
    for variant, meaning in _MEANINGS.items():
        first, median, third = result.quartiles(variant)
        print(f"{meaning:<34} {first:>9.2f} {median:>9.2f} {third:>9.2f}")
    print(f"explanation overhead (fused / classifier alone): {result.explanation_overhead:.3f}")
    print(f"run() / fused: {result.run_overhead:.3f}")
    facts = ", ".join(f"{name} {value}" for name, value in result.machine.items())
    print(f"{len(result.samples['run'])} rounds; {facts}")
