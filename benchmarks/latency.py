"""What one explained frame costs: ONNX Runtime beside PyTorch eager and torch.compile, in one interleaved run.

    python benchmarks/latency.py RUN -o benchmarks/results/latency

RUN is a folder that `whyframe train` made. Every variant computes the same fused graph of that run (classifier, mask
generator, controller) on the same frame at the classifier's own size, with the same number of threads; the
classifier alone and the fused class activation map are measured beside them. Writes NAME.json (raw samples) and
NAME.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from whyframe import ExplainEngine
from whyframe.benchmark import machine_facts, time_interleaved
from whyframe.files import atomic_write
from whyframe_export import export
from whyframe_export.export_source import ExportSource, trained_source
from whyframe_export.fused import FusedClassifier
from whyframe_training.checkpoint import CONFIG
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.config import TrainConfig

Variants = dict[str, Callable[[], object]]

ROWS = {
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
    """Measures, prints the table, writes both files."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    frame = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    variants = {**_onnx(args.run, args.threads, frame), **_torch(args.run, frame, not args.no_compile)}
    _check_agreement(variants)
    samples = time_interleaved(variants, args.rounds)
    report = summarise(samples)
    report["machine"] = {**machine_facts(), "torch": torch.__version__, "threads": args.threads}
    atomic_write(args.output.with_suffix(".json"), json.dumps(report, indent=1).encode())
    atomic_write(args.output.with_suffix(".md"), table(report).encode())
    print(table(report))


def summarise(samples: dict[str, list[float]]) -> dict[str, Any]:
    """Quartiles of each variant, and each one's median over that of the fused graph in ONNX Runtime."""
    quartiles = {name: np.percentile(values, (25, 50, 75)).tolist() for name, values in samples.items()}
    reference = quartiles["ort fused"][1]
    return {
        "quartiles_ms": quartiles,
        "over_ort_fused": {name: values[1] / reference for name, values in quartiles.items()},
        "explanation_overhead": {
            kind: quartiles[f"{kind} fused"][1] / quartiles[f"{kind} classifier"][1]
            for kind in ("ort", "compile", "folded", "eager")
            if f"{kind} fused" in quartiles
        },
        "samples_ms": samples,
    }


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    facts = report["machine"]
    lines = [
        f"{facts['cpu']}, {facts['threads']} threads, onnxruntime {facts['onnxruntime']}, torch {facts['torch']}; "
        f"{len(report['samples_ms']['ort fused'])} interleaved rounds.\n",
        "| variant | median ms | quartiles | over the fused graph in ONNX Runtime |",
        "|---|---|---|---|",
    ]
    for name, label in ROWS.items():
        if name in report["quartiles_ms"]:
            low, median, high = report["quartiles_ms"][name]
            ratio = report["over_ort_fused"][name]
            lines.append(f"| {label} | {median:.2f} | {low:.2f} to {high:.2f} | {ratio:.2f} |")
    overheads = ", ".join(f"{kind} {value:.3f}" for kind, value in report["explanation_overhead"].items())
    return "\n".join([*lines, f"\nExplanation overhead (fused over classifier alone): {overheads}.\n"])


def _onnx(run: Path, threads: int, frame: NDArray[np.uint8]) -> Variants:
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


def _torch(run: Path, frame: NDArray[np.uint8], compiled: bool) -> Variants:
    """PyTorch with the network as it comes, with batch norms folded, and that one compiled."""
    product = trained_source(run)
    original = build_classifier(TrainConfig.load(run / CONFIG).classifier, fold=False)
    functions = {
        "eager": torch_functions(product, original),
        "folded": torch_functions(product, product.classifier),
    }
    if compiled:
        classify, explain = functions["folded"]
        functions["compile"] = (torch.compile(classify), torch.compile(explain))
    frames, predicted = torch.from_numpy(frame), torch.tensor([-1])
    calls: Variants = {}
    for kind, (classify, explain) in functions.items():
        calls[f"{kind} classifier"] = torch.inference_mode()(lambda f=classify: f(frames))
        calls[f"{kind} fused"] = torch.inference_mode()(lambda f=explain: f(frames, predicted))
    return calls


def torch_functions(
    product: ExportSource, classifier: Classifier
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The classifier alone, and the fused graph, on frames."""
    fused = FusedClassifier(classifier, product.explainer).eval()

    def classify(frames: torch.Tensor) -> torch.Tensor:
        images = frames.float().permute(0, 3, 1, 2) * fused.scale + fused.bias
        return classifier.module(images).softmax(dim=1)

    def explain(frames: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
        probabilities, class_id, logit_map = fused(frames, target)
        return probabilities, class_id, product.explainer.controller(logit_map)

    return classify, explain


def _check_agreement(variants: Variants) -> None:
    """Every variant must compute the same thing, or its time means nothing."""
    expected = np.asarray(variants["ort fused"]()[2])  # type: ignore[index]
    for name in ("eager fused", "folded fused", "compile fused"):
        if name in variants:
            np.testing.assert_allclose(np.asarray(variants[name]()[2]), expected, atol=1e-4)  # type: ignore[index]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a folder that `whyframe train` made")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--no-compile", action="store_true", help="leave torch.compile out (it needs a C++ compiler)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="results without suffix")
    return parser.parse_args()


if __name__ == "__main__":
    main()
