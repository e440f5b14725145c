"""What fused models are worth: faithfulness on photographs, PR-AUC and the pointing game in boxes.

    python benchmarks/quality.py --photos DIR --boxed DIR --boxed DIR MODEL.onnx CAM.onnx -o benchmarks/results/quality

Every model is an ONNX file; they are measured on the same images in the same run, each explaining the classifier's
own prediction. The first model is compared with each of the others by a paired bootstrap. Writes NAME.json (every
raw value) and NAME.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from whyframe import ExplainEngine
from whyframe.files import atomic_write
from whyframe.perturb import faithfulness, preserving_curve, upsample
from whyframe.preprocess import read_image, to_input
from whyframe_evaluation.annotations.boxed_images import BoxedImage, read_boxed_images
from whyframe_evaluation.metrics.pointing_game import pointing_hit
from whyframe_evaluation.metrics.pr_auc import pr_auc
from whyframe_training.data import list_images, split
from whyframe_training.statistics import paired_difference

METRICS = {"faithfulness": "MF", "pr_auc": "PR-AUC", "pointing": "pointing"}
Engines = dict[str, ExplainEngine]
Values = dict[str, dict[str, list[float]]]


def main() -> None:
    """Measures, prints the table, writes both files."""
    args = _arguments()
    engines = {path.stem: ExplainEngine(path) for path in args.models}
    photos = split(list_images(args.photos), args.validation)[1][: args.limit]
    boxed = [image for folder in args.boxed for image in read_boxed_images(folder)][: args.limit]
    values: Values = {metric: {name: [] for name in engines} for metric in METRICS}
    for path in track(photos, "photographs"):
        _add(values, "faithfulness", {name: _faithfulness(engine, path) for name, engine in engines.items()})
    for image in track(boxed, "boxed images"):
        _score_boxes(values, engines, image)
    report = summarise(values)
    report["data"] = {
        "photos": f"{len(photos)} validation images of {Path(args.photos).name}",
        "boxed": [Path(folder).name for folder in args.boxed],
    }
    atomic_write(args.output.with_suffix(".json"), json.dumps(report, indent=1).encode())
    atomic_write(args.output.with_suffix(".md"), table(report).encode())
    print(table(report))


def summarise(values: Values) -> dict[str, Any]:
    """Means, counts, and the first model's paired differences from the others."""
    summary: dict[str, Any] = {}
    for metric, by_model in values.items():
        first = next(iter(by_model))
        summary[metric] = {
            "count": int(np.sum(~np.isnan(by_model[first]))),
            "means": {name: float(np.nanmean(scores)) for name, scores in by_model.items()},
            "differences": {
                other: dataclasses.asdict(paired_difference(by_model[first], scores))
                for other, scores in by_model.items()
                if other != first
            },
            "values": {
                name: [None if np.isnan(v) else v for v in scores] for name, scores in by_model.items()
            },
        }
    return {"metrics": summary, "bootstrap": {"draws": 10_000, "seed": 0, "interval": "95 % percentile"}}


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    metrics = report["metrics"]
    names = list(metrics["faithfulness"]["means"])
    lines = [
        "| model | "
        + " | ".join(f"{label} (n = {metrics[key]['count']})" for key, label in METRICS.items())
        + " |",
        "|---|" + "---|" * len(METRICS),
    ]
    lines += [
        f"| {name} | " + " | ".join(f"{metrics[key]['means'][name]:.2f}" for key in METRICS) + " |"
        for name in names
    ]
    for key, label in METRICS.items():
        for other, d in metrics[key]["differences"].items():
            lines.append(
                f"\n{label}, {names[0]} minus {other}: {d['mean']:+.2f} (95 % {d['low']:+.2f} to {d['high']:+.2f})"
            )
    return "\n".join(lines) + "\n"


def _faithfulness(engine: ExplainEngine, path: Path) -> float:
    side = engine.manifest.side
    frame = to_input(read_image(path), side, "stretch")
    _, class_id, mask = engine.backend_object.explain(frame[None], np.array([-1]))
    curve = preserving_curve(engine.backend_object.classify, frame, upsample(mask[0], side), int(class_id[0]))
    return faithfulness(curve)


def _score_boxes(values: Values, engines: Engines, image: BoxedImage) -> None:
    results = {name: engine.run(image.path) for name, engine in engines.items()}
    boxes = image.boxes_of(next(iter(results.values())).class_id)
    if not boxes:
        return  # the classifier sees something that has no box here
    _add(values, "pr_auc", {name: pr_auc(r.saliency, boxes) for name, r in results.items()})
    _add(values, "pointing", {name: 100.0 * pointing_hit(r.saliency, boxes) for name, r in results.items()})


def _add(values: Values, metric: str, scores: dict[str, float]) -> None:
    for name, score in scores.items():
        values[metric][name].append(score)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "models", nargs="+", type=Path, help="fused ONNX files; the first is compared with the others"
    )
    parser.add_argument(
        "--photos", required=True, help="the image folder of the training; its validation part is used"
    )
    parser.add_argument("--boxed", action="append", default=[], help="a folder with boxes.json and images/")
    parser.add_argument("--validation", type=int, default=200, help="as in the training (default 200)")
    parser.add_argument("--limit", type=int, help="first images only, for a try")
    parser.add_argument("-o", "--output", type=Path, required=True, help="results without suffix")
    return parser.parse_args()


if __name__ == "__main__":
    main()
