"""``whyframe bench``: the latency of an explanation on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from whyframe.cli.options import Backend, Device, Json, Model, Threads, open_engine
from whyframe.files import json_text

if TYPE_CHECKING:
    from whyframe.benchmark import Benchmark

__all__ = ["bench"]

_SIZE = (1280, 720)
_DESCRIPTIONS = {
    "classifier": "classifier alone",
    "fused": "classifier and explanation, fused",
    "run": f"run() on a {_SIZE[0]} x {_SIZE[1]} frame",
    "overlay": "drawing it on that frame",
}


def bench(
    model: Model = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="Number of timed calls of each variant, after a warm-up.")
    ] = 50,
    backend: Backend = "auto",
    device: Device = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure the latency of an explanation and of the classifier alone.

    Four variants are timed in interleaved rounds in one process:
      classifier  the classifier alone
      fused       the fused graph of classifier and explanation
      run         run() of a 1280 x 720 frame, from the frame to the result
      overlay     drawing of the result on that frame

    Fields of --json:
      quartiles_ms          quartiles of each variant in milliseconds
      explanation_overhead  median of fused divided by median of classifier
      run_overhead          median of run divided by median of fused
      machine               hardware, versions, device and model
      samples_ms            every timed call in milliseconds

    Examples:
      whyframe bench
      whyframe bench --threads 1 --rounds 200 --json > bench.json
    """
    import cv2

    from whyframe.benchmark import measure_latency
    from whyframe.cli.bundled_images import COFFEE, read_bundled_image
    from whyframe.preprocess import as_bgr

    frame = as_bgr(cv2.resize(read_bundled_image(COFFEE), _SIZE))
    with open_engine(model, backend, device, threads) as engine:
        result = measure_latency(engine, frame, rounds=rounds)
    print(json_text(result.to_dict())) if as_json else _print_table(result)


def _print_table(result: Benchmark) -> None:
    print(f"{'milliseconds':<34} {'quartile':>9} {'median':>9} {'quartile':>9}")
    for variant, description in _DESCRIPTIONS.items():
        first, median, third = result.quartiles(variant)
        print(f"{description:<34} {first:>9.2f} {median:>9.2f} {third:>9.2f}")
    print(f"explanation overhead (fused / classifier alone): {result.explanation_overhead:.3f}")
    print(f"run() / fused: {result.run_overhead:.3f}")
    facts = ", ".join(f"{name} {value}" for name, value in result.machine.items())
    print(f"{len(result.samples['run'])} rounds; {facts}")
