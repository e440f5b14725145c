"""Latency of one explained frame on a CPU, in ONNX Runtime, PyTorch eager and torch.compile.

    python benchmarks/latency.py RUN -o benchmarks/results/latency

RUN is a folder that `whyframe train` wrote. Every variant computes the same fused graph of that run (classifier, mask
generator and controller) on the same frame of the classifier's input size, with the same number of threads. The
classifier alone and the fused class activation map are measured as well. All variants are interleaved in one process.
Writes NAME.json, with the raw samples, and NAME.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from script_output import argument_parser, markdown_table, write_results
from whyframe import ExplainEngine
from whyframe.benchmark import machine_facts, time_interleaved
from whyframe.files import json_text
from whyframe_export import export
from whyframe_export.export_source import ExportSource, trained_source
from whyframe_export.fused import FusedClassifier
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.config import CONFIG, TrainConfig

Variants = dict[str, Callable[[], Any]]
"""By "RUNTIME PART", a call that is timed."""

TITLES = {
    "ort classifier": "ONNX Runtime, classifier alone",
    "ort cam": "ONNX Runtime, classifier + class activation map",
    "ort fused": "ONNX Runtime, classifier + mask predictor",
    "compile classifier": "torch.compile, classifier alone",
    "compile fused": "torch.compile, classifier + mask predictor",
    "folded classifier": "PyTorch eager, batch norms folded, classifier alone",
    "folded fused": "PyTorch eager, batch norms folded, classifier + mask predictor",
    "eager classifier": "PyTorch eager, classifier alone",
    "eager fused": "PyTorch eager, classifier + mask predictor",
}


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    frame = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    variants = {
        **_onnx_variants(args.run, args.threads, frame),
        **_torch_variants(args.run, frame, not args.no_compile),
    }
    _check_agreement(variants)
    report = summarise(time_interleaved(variants, args.rounds))
    report["machine"] = {**machine_facts(), "torch": torch.__version__, "threads": args.threads}
    write_results(args.output, table(report), json_text(report, indent=1))


def summarise(samples: dict[str, list[float]]) -> dict[str, Any]:
    """Return the quartiles of each variant, and their medians relative to the fused graph in ONNX Runtime.

    Args:
        samples: Milliseconds of each variant.
    """
    quartiles = quartiles_of(samples)
    reference = quartiles["ort fused"][1]
    return {
        "quartiles_ms": quartiles,
        "over_ort_fused": {name: values[1] / reference for name, values in quartiles.items()},
        "explanation_overhead": explanation_overheads(quartiles, ("ort", "compile", "folded", "eager")),
        "samples_ms": samples,
    }


def quartiles_of(samples: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the first quartile, the median and the third quartile of each variant."""
    return {name: np.percentile(values, (25, 50, 75)).tolist() for name, values in samples.items()}


def explanation_overheads(quartiles: dict[str, list[float]], runtimes: tuple[str, ...]) -> dict[str, float]:
    """Return, for each runtime that was measured, the median of the fused graph over that of the classifier."""
    return {
        runtime: quartiles[f"{runtime} fused"][1] / quartiles[f"{runtime} classifier"][1]
        for runtime in runtimes
        if f"{runtime} fused" in quartiles
    }


def table(report: dict[str, Any]) -> str:
    """Return the page of a report."""
    facts = report["machine"]
    rows = []
    for name, title in TITLES.items():
        if name in report["quartiles_ms"]:
            low, median, high = report["quartiles_ms"][name]
            ratio = report["over_ort_fused"][name]
            rows.append([title, f"{median:.2f}", f"{low:.2f} to {high:.2f}", f"{ratio:.2f}"])
    header = ["variant", "median (ms)", "quartiles (ms)", "relative to the fused graph in ONNX Runtime"]
    overheads = ", ".join(f"{name} {value:.3f}" for name, value in report["explanation_overhead"].items())
    return (
        "`python benchmarks/latency.py RUN -o benchmarks/results/latency`. "
        f"{facts['cpu']}, {facts['threads']} threads, onnxruntime {facts['onnxruntime']}, torch {facts['torch']}; "
        f"{len(report['samples_ms']['ort fused'])} interleaved rounds.\n\n{markdown_table(header, rows)}\n\n"
        f"Explanation overhead (median of the fused graph over median of the classifier alone): {overheads}.\n"
    )


def _onnx_variants(run: Path, threads: int, frame: NDArray[np.uint8]) -> Variants:
    predicted = np.array([-1])
    config = TrainConfig.load(run / CONFIG)
    with tempfile.TemporaryDirectory() as folder:
        fused, cam = Path(folder) / "fused.onnx", Path(folder) / "cam.onnx"
        export(run, fused)
        export(config.classifier, cam, explainer="cam")
        predictor, activation = (ExplainEngine(path, threads=threads).backend_object for path in (fused, cam))
    return {
        "ort classifier": lambda: predictor.classify(frame),
        "ort cam": lambda: activation.explain(frame, predicted),
        "ort fused": lambda: predictor.explain(frame, predicted),
    }


def _torch_variants(run: Path, frame: NDArray[np.uint8], compiled: bool) -> Variants:
    """Return calls of the original network, of the network with folded batch norms, and of the latter compiled."""
    source = trained_source(run)
    original = build_classifier(TrainConfig.load(run / CONFIG).classifier, fold=False)
    functions = {
        "eager": torch_functions(source, original),
        "folded": torch_functions(source, source.classifier),
    }
    if compiled:
        classify, explain = functions["folded"]
        functions["compile"] = (torch.compile(classify), torch.compile(explain))
    frames, predicted = torch.from_numpy(frame), torch.tensor([-1])
    calls: Variants = {}
    for runtime, (classify, explain) in functions.items():
        calls[f"{runtime} classifier"] = torch.inference_mode()(lambda f=classify: f(frames))
        calls[f"{runtime} fused"] = torch.inference_mode()(lambda f=explain: f(frames, predicted))
    return calls


def torch_functions(
    source: ExportSource, classifier: Classifier
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return two functions of uint8 frames: the classifier alone, and the fused graph.

    Args:
        source: The explainer and its controller.
        classifier: The classifier to fuse with them.
    """
    fused = FusedClassifier(classifier, source.explainer).eval()

    def classify(frames: torch.Tensor) -> torch.Tensor:
        images = frames.float().permute(0, 3, 1, 2) * fused.scale + fused.bias
        return classifier.to_probabilities(classifier.module(images))

    def explain(frames: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
        probabilities, class_id, logit_map = fused(frames, target)
        return probabilities, class_id, source.explainer.controller(logit_map)

    return classify, explain


def _check_agreement(variants: Variants) -> None:
    """Raise an error where a variant computes another map: its latency would not be comparable."""
    expected = np.asarray(variants["ort fused"]()[2])
    for name in ("eager fused", "folded fused", "compile fused"):
        if name in variants:
            np.testing.assert_allclose(np.asarray(variants[name]()[2]), expected, atol=1e-4)


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder that 'whyframe train' wrote")
    parser.add_argument(
        "--rounds", type=int, default=200, help="number of timed rounds (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=2, help="number of CPU threads (default: %(default)s)")
    parser.add_argument(
        "--no-compile", action="store_true", help="leave out torch.compile, which needs a C++ compiler"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
