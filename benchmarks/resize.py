"""Time of `ExplainEngine.run` under each resize rule, beside the fused graph alone; and time of the resize alone.

    python benchmarks/resize.py -o benchmarks/results/resize

The bundled model is written again for each rule, with only the rule changed in its manifest. For each size of frame
and each number of threads, `ExplainEngine.run` under each rule and the graph alone are timed in interleaved rounds of
random order. The second table times the resize without the model, in one thread, beside Pillow and torchvision. Writes
NAME.json, with the raw samples in milliseconds, and NAME.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms.v2 import functional

from latency import quartiles_of
from script_output import argument_parser, markdown_table, write_results
from whyframe import ExplainEngine, Manifest
from whyframe.benchmark import machine_facts, time_interleaved
from whyframe.cores import usable_cores
from whyframe.files import json_text
from whyframe.input_spec import InputSpec
from whyframe.preprocess import to_input
from whyframe.resize_rule import ResizeRule

SIZES = {"720p": (720, 1280), "1080p": (1080, 1920)}
RULES = {
    "stretch, fast": ResizeRule(),
    "crop 224 of 256, bilinear": ResizeRule(mode="crop", shorter_side=256, interpolation="bilinear"),
    "crop 224 of 256, bicubic": ResizeRule(mode="crop", shorter_side=256, interpolation="bicubic"),
    "letterbox, bilinear": ResizeRule(mode="letterbox", interpolation="bilinear"),
    "stretch, bilinear": ResizeRule(interpolation="bilinear"),
    "stretch, bicubic": ResizeRule(interpolation="bicubic"),
}
LIBRARIES = ("whyframe", "Pillow", "torchvision, PIL image", "torchvision, uint8 tensor")

Frame = NDArray[np.uint8]
Calls = dict[str, Callable[[], object]]


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    frames = {
        name: np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        for name, size in SIZES.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        models = _models(Path(folder))
        runs = [
            {"frame": name, "threads": threads, **summarise(_time_runs(models, frame, threads, args.rounds))}
            for threads in args.threads or [usable_cores()]
            for name, frame in frames.items()
        ]
    resizes = {name: _time_resizes(frame, args.rounds) for name, frame in frames.items()}
    versions = {"pillow": Image.__version__, "torch": torch.__version__}
    report = {"runs": runs, "resizes": resizes, "machine": {**machine_facts(), **versions}}
    write_results(args.output, table(report), json_text(report, indent=1))


def _models(folder: Path) -> dict[str, Path]:
    """Write the bundled model once for each resize rule."""
    name = "efficientnet_lite0_ct.onnx"
    data = resources.files("whyframe").joinpath("models").joinpath(name).read_bytes()
    model, manifest = onnx.load_from_string(data), Manifest.read(data)
    paths = {rule: folder / f"{number}.onnx" for number, rule in enumerate(RULES)}
    for rule, path in paths.items():
        spec = dataclasses.replace(manifest.input, resize=RULES[rule])
        dataclasses.replace(manifest, input=spec).write(model, path)
    return paths


def _time_runs(models: dict[str, Path], frame: Frame, threads: int, rounds: int) -> dict[str, list[float]]:
    engines = {rule: ExplainEngine(path, threads=threads) for rule, path in models.items()}
    alone = next(iter(engines.values()))
    inputs, predicted = to_input(frame, alone.manifest.input)[None], np.array([-1])
    calls: Calls = {"graph": lambda: alone.backend_object.explain(inputs, predicted)}
    for rule, engine in engines.items():
        calls[rule] = lambda run=engine.run: run(frame)  # type: ignore[misc]
    return time_interleaved(calls, rounds)


def summarise(samples: dict[str, list[float]]) -> dict[str, Any]:
    """Return the quartiles of each variant, and the medians relative to that of the graph alone.

    Args:
        samples: Milliseconds of the graph (``graph``) and of `ExplainEngine.run` by rule.
    """
    quartiles = quartiles_of(samples)
    ratios = {rule: quartiles[rule][1] / quartiles["graph"][1] for rule in quartiles}
    return {"quartiles_ms": quartiles, "over_graph": ratios, "samples_ms": samples}


def _time_resizes(frame: Frame, rounds: int) -> dict[str, Any]:
    """Time the crop of 224 of shorter side 256 without a model, with both filters, by each library in one thread."""
    cv2_threads, torch_threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    calls = {
        f"{library}, {interpolation}": call
        for interpolation in ("bilinear", "bicubic")
        for library, call in zip(LIBRARIES, _resizes(frame, interpolation), strict=True)
    }
    samples = time_interleaved(calls, rounds)
    cv2.setNumThreads(cv2_threads)
    torch.set_num_threads(torch_threads)
    return {"quartiles_ms": quartiles_of(samples), "samples_ms": samples}


def _resizes(frame: Frame, interpolation: str) -> list[Callable[[], object]]:
    """Return the calls of `LIBRARIES`. Pillow alone resizes only the part that the crop keeps."""
    spec = InputSpec(resize=ResizeRule(mode="crop", shorter_side=256, interpolation=interpolation))
    place = spec.resize.placement(frame.shape[0], frame.shape[1], spec.height, spec.width)
    box = (place.left, place.top, place.left + place.width, place.top + place.height)
    pillow = Image.Resampling[interpolation.upper()]
    mode = functional.InterpolationMode(interpolation)
    tensor = torch.from_numpy(frame).permute(2, 0, 1)

    def resize_and_crop(image: Any) -> Any:
        return functional.center_crop(functional.resize(image, [256], mode, antialias=True), [224, 224])

    return [
        lambda: to_input(frame, spec),
        lambda: np.asarray(Image.fromarray(frame).resize((224, 224), pillow, box)),
        lambda: np.asarray(resize_and_crop(Image.fromarray(frame))),
        lambda: resize_and_crop(tensor),
    ]


def table(report: dict[str, Any]) -> str:
    """Return the page of a report."""
    facts = report["machine"]
    header = ["frame", "threads", "variant", "median (ms)", "quartiles (ms)", "relative to the graph"]
    rows = [row for run in report["runs"] for row in _run_rows(run)]
    resizes = [
        [frame, variant, f"{median:.2f}", f"{low:.2f} to {high:.2f}"]
        for frame, result in report["resizes"].items()
        for variant, (low, median, high) in result["quartiles_ms"].items()
    ]
    return (
        "`python benchmarks/resize.py -o benchmarks/results/resize`. "
        f"{facts['cpu']}, {facts['cores']} cores, ONNX Runtime {facts['onnxruntime']}, OpenCV {facts['opencv']}, "
        f"Pillow {facts['pillow']}, torch {facts['torch']}; "
        f"{len(report['runs'][0]['samples_ms']['graph'])} interleaved rounds.\n\n"
        "`ExplainEngine.run` of the bundled model, by resize rule:\n\n"
        f"{markdown_table(header, rows)}\n\n"
        "The resize alone, crop 224 of shorter side 256, antialiased, in one thread:\n\n"
        f"{markdown_table(['frame', 'resize', 'median (ms)', 'quartiles (ms)'], resizes)}\n"
    )


def _run_rows(run: dict[str, Any]) -> list[list[str]]:
    titles = {"graph": "fused graph alone", **{rule: f"run, {rule}" for rule in RULES}}
    return [
        [
            run["frame"],
            str(run["threads"]),
            titles[variant],
            f"{median:.2f}",
            f"{low:.2f} to {high:.2f}",
            f"{run['over_graph'][variant]:.2f}",
        ]
        for variant, (low, median, high) in run["quartiles_ms"].items()
    ]


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--threads", type=int, nargs="+", help="numbers of threads of the engine (default: the usable cores)"
    )
    parser.add_argument(
        "--rounds", type=int, default=100, help="number of timed rounds (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
