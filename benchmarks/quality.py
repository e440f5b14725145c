"""Quality of fused models: faithfulness on photographs, PR-AUC and the pointing game on images with boxes.

    python benchmarks/quality.py --photos DIR --boxed DIR --boxed DIR MODEL.onnx CAM.onnx -o benchmarks/results/quality

All models are measured on the same images in the same run. Each map explains the class that the model predicts. The
first model is compared with each of the others by a paired bootstrap over images. Writes NAME.json, with every raw
value, and NAME.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from script_output import argument_parser, markdown_table, write_results
from whyframe import ExplainEngine
from whyframe.files import json_text
from whyframe.images import read_image
from whyframe.perturb import MINIMUM_DROP, faithfulness, preserving_curve, upsample
from whyframe.preprocess import to_input
from whyframe.progress import progress_bar
from whyframe_evaluation.annotations.boxed_images import BoxedImage, read_boxed_images
from whyframe_evaluation.metrics.pointing_game import pointing_hit
from whyframe_evaluation.metrics.pr_auc import pr_auc
from whyframe_training.data import list_images, split
from whyframe_training.statistics import RESAMPLES, paired_difference

METRICS = {"faithfulness": "MF", "pr_auc": "PR-AUC", "pointing": "pointing"}

Engines = dict[str, ExplainEngine]
Values = dict[str, dict[str, list[float]]]
"""By metric and model, a value of each image in percent; NaN where the metric is not defined."""


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    engines = {path.stem: ExplainEngine(path) for path in args.models}
    photos = split(list_images(args.photos), args.validation)[1][: args.limit]
    boxed = [image for folder in args.boxed for image in read_boxed_images(folder)][: args.limit]
    report = summarise(measure(engines, photos, boxed))
    report["data"] = {
        "photos": f"{len(photos)} validation images of {Path(args.photos).name}",
        "boxed": [Path(folder).name for folder in args.boxed],
    }
    write_results(args.output, table(report), json_text(report, indent=1))


def measure(engines: Engines, photos: list[Path], boxed: list[BoxedImage]) -> Values:
    """Return the values of every model.

    Args:
        engines: The models, by name.
        photos: Photographs for faithfulness.
        boxed: Images with boxes for PR-AUC and the pointing game. Those without a box of the predicted class are
            left out.
    """
    values: Values = {metric: {name: [] for name in engines} for metric in METRICS}
    with progress_bar("photographs", len(photos)) as bar:
        for path in photos:
            _add(
                values,
                "faithfulness",
                {name: measure_faithfulness(engine, path) for name, engine in engines.items()},
            )
            bar.advance()
    with progress_bar("images with boxes", len(boxed)) as bar:
        for image in boxed:
            _measure_boxes(values, engines, image)
            bar.advance()
    return values


def measure_faithfulness(engine: ExplainEngine, path: Path) -> float:
    """Return MF of a photograph in percent; NaN where blurring hardly changes the probability."""
    spec = engine.manifest.input
    frame = to_input(read_image(path), spec)
    _, class_id, mask = engine.backend_object.explain(frame[None], np.array([-1]))
    curve = preserving_curve(
        engine.backend_object.classify, frame, upsample(mask[0], spec.height, spec.width), int(class_id[0])
    )
    return faithfulness(curve)


def _measure_boxes(values: Values, engines: Engines, image: BoxedImage) -> None:
    results = {name: engine.run(image.path) for name, engine in engines.items()}
    boxes = image.boxes_of(next(iter(results.values())).class_id)
    if not boxes:
        return
    _add(values, "pr_auc", {name: pr_auc(r.saliency, boxes) for name, r in results.items()})
    _add(values, "pointing", {name: 100.0 * pointing_hit(r.saliency, boxes) for name, r in results.items()})


def _add(values: Values, metric: str, scores: dict[str, float]) -> None:
    for name, score in scores.items():
        values[metric][name].append(score)


def summarise(values: Values) -> dict[str, Any]:
    """Return means, counts, the raw values, and the first model's paired differences from the others."""
    metrics = {metric: _summarise_metric(by_model) for metric, by_model in values.items()}
    return {"metrics": metrics, "bootstrap": {"draws": RESAMPLES, "seed": 0, "interval": "95 % percentile"}}


def _summarise_metric(by_model: dict[str, list[float]]) -> dict[str, Any]:
    first, *others = by_model
    return {
        "count": int(np.sum(~np.isnan(by_model[first]))),
        "means": {name: float(np.nanmean(scores)) for name, scores in by_model.items()},
        "differences": {name: _difference(by_model[first], by_model[name]) for name in others},
        "values": {name: [None if np.isnan(v) else v for v in scores] for name, scores in by_model.items()},
    }


def _difference(ours: list[float], theirs: list[float]) -> dict[str, float]:
    d = paired_difference(ours, theirs)
    return {"mean": d.mean, "low": d.low, "high": d.high, "count": d.count}


def table(report: dict[str, Any]) -> str:
    """Return the page of a report."""
    metrics, data, bootstrap = report["metrics"], report["data"], report["bootstrap"]
    names = list(metrics["faithfulness"]["means"])
    header = ["model", *(f"{title} (n = {metrics[key]['count']})" for key, title in METRICS.items())]
    rows = [[name, *(f"{metrics[key]['means'][name]:.2f}" for key in METRICS)] for name in names]
    differences = [
        f"\n{title}, {names[0]} minus {other}: {d['mean']:+.2f} (95 % {d['low']:+.2f} to {d['high']:+.2f})"
        for key, title in METRICS.items()
        for other, d in metrics[key]["differences"].items()
    ]
    note = (
        "`python benchmarks/quality.py --photos DIR --boxed DIR MODEL.onnx CAM.onnx -o benchmarks/results/quality`. "
        f"Percent; larger is better. MF is measured on those of {data['photos']} where blurring lowers the probability "
        f"of the predicted class by more than {MINIMUM_DROP}; PR-AUC and pointing on the images of "
        f"{' and '.join(data['boxed']) or 'no folder'} with a box of the "
        "predicted class. Differences have 95 % intervals from a paired bootstrap over images "
        f"({bootstrap['draws']:,} resamples, seed {bootstrap['seed']})."
    )
    return "\n".join([note, "", markdown_table(header, rows), *differences]) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument(
        "models", nargs="+", type=Path, metavar="MODEL.onnx",
        help="fused ONNX files of the same classifier; the first is compared with the others",
    )  # fmt: skip
    parser.add_argument(
        "--photos",
        required=True,
        metavar="DIR",
        help="image folder of the training; its validation images are used",
    )
    parser.add_argument(
        "--boxed",
        action="append",
        default=[],
        metavar="DIR",
        help="folder with boxes.json and images/; may be repeated",
    )
    parser.add_argument(
        "--validation",
        type=int,
        default=200,
        help="number of validation images of the training (default: %(default)s)",
    )
    parser.add_argument(
        "--limit", type=int, help="number of images of each kind, for a trial run (default: all)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
