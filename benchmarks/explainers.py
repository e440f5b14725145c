"""Cost and faithfulness of explainers of the same classifier: a trained mask predictor, and maps without training.

    whyframe export --explainer cam -o cam.onnx
    whyframe export --explainer forward -o forward.onnx
    python benchmarks/explainers.py MODEL.onnx cam.onnx forward.onnx --photos DIR -o benchmarks/results/explainers

The cost is the time of the fused graph over that of the classifier alone, a part of the same graph, in ONNX Runtime;
all calls are interleaved in one process. The faithfulness is measured on held-out photographs, chosen by a seed, for
the class that the classifier predicts. Writes NAME.json, with every raw value, and NAME.md.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from quality import measure_faithfulness
from script_output import argument_parser, markdown_table, write_results
from whyframe import ExplainEngine
from whyframe.benchmark import machine_facts, time_interleaved
from whyframe.files import json_text
from whyframe.preprocess import as_image, to_input
from whyframe.progress import progress_bar
from whyframe_training.data import list_images, split
from whyframe_training.statistics import paired_difference

Engines = dict[str, ExplainEngine]


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    engines = {path.stem: ExplainEngine(path, threads=args.threads) for path in args.models}
    held_out = split(list_images(args.photos), args.validation)[1]
    photos = sorted(random.Random(args.seed).sample(held_out, min(args.count, len(held_out))))
    report = {
        "faithfulness": faithfulness_of(engines, photos),
        "milliseconds": latency_of(engines, photos[0], args.rounds),
        "explainers": {name: engine.manifest.explainer for name, engine in engines.items()},
        "data": f"{len(photos)} held-out images of {Path(args.photos).name}",
        "machine": {**machine_facts(), "threads": args.threads},
        "seed": args.seed,
    }
    write_results(args.output, table(report), json_text(report, indent=1))


def faithfulness_of(engines: Engines, photos: list[Path]) -> dict[str, list[float | None]]:
    """Return MF of each photograph in percent by model; None where blurring hardly changes the probability."""
    values: dict[str, list[float | None]] = {name: [] for name in engines}
    with progress_bar("photographs", len(photos)) as bar:
        for path in photos:
            for name, engine in engines.items():
                score = measure_faithfulness(engine, path)
                values[name].append(None if np.isnan(score) else score)
            bar.advance()
    return values


def latency_of(engines: Engines, photo: Path, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each round by "MODEL fused" and "MODEL classifier"."""
    calls: dict[str, Callable[[], object]] = {}
    for name, engine in engines.items():
        backend, spec = engine.backend_object, engine.manifest.input
        frames = to_input(as_image(photo, "bgr", spec.channels), spec)[None]
        calls[f"{name} classifier"] = partial(backend.classify, frames)
        calls[f"{name} fused"] = partial(backend.explain, frames, np.array([-1]))
    return time_interleaved(calls, rounds)


def overhead(milliseconds: dict[str, list[float]], name: str) -> float:
    """Return the median time of a fused graph over that of its classifier alone."""
    fused, classifier = (np.median(milliseconds[f"{name} {part}"]) for part in ("fused", "classifier"))
    return float(fused / classifier)


def table(report: dict[str, Any]) -> str:
    """Return the page of a report."""
    values = {
        name: [float("nan") if v is None else v for v in found]
        for name, found in report["faithfulness"].items()
    }
    first = next(iter(values))
    rows = []
    for name, found in values.items():
        difference = "" if name == first else _difference(values[first], found)
        cost = f"{overhead(report['milliseconds'], name):.3f}"
        rows.append([name, report["explainers"][name], cost, f"{np.nanmean(found):.2f}", difference])
    facts = report["machine"]
    count = int(np.sum(~np.isnan(values[first])))
    rounds = len(next(iter(report["milliseconds"].values())))
    note = (
        "`python benchmarks/explainers.py MODEL.onnx cam.onnx forward.onnx --photos DIR -o "
        f"benchmarks/results/explainers`. Overhead: median time over that of the classifier alone, {rounds} "
        f"interleaved rounds, {facts['cpu']}, threads: {facts['threads']}, onnxruntime {facts['onnxruntime']}. "
        f"MF in percent, larger is better, on {count} of {report['data']} (seed {report['seed']})."
    )
    header = ["model", "explainer", "overhead", "MF", f"{first} minus this, MF (95 % interval)"]
    return f"{note}\n\n{markdown_table(header, rows)}\n"


def _difference(ours: list[float], theirs: list[float]) -> str:
    d = paired_difference(ours, theirs)
    return f"{d.mean:+.2f} ({d.low:+.2f} to {d.high:+.2f})"


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument(
        "models", nargs="+", type=Path, metavar="MODEL.onnx", help="fused ONNX files of the same classifier"
    )
    parser.add_argument("--photos", required=True, metavar="DIR", help="image folder of the training")
    parser.add_argument(
        "--validation", type=int, default=200, help="number of held-out images (default: %(default)s)"
    )
    parser.add_argument("--count", type=int, default=40, help="number of photographs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of their choice (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=100, help="number of timed rounds (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=1, help="number of CPU threads (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
