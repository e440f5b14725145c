"""How the scores of the trained predictors are distributed, beside what their controllers are set to (Fig. 6).

    python benchmarks/distribution.py DATA -o benchmarks/results/distribution

The presets of `whyframe_training.presets` with other controllers, MGnet, CT on MGnet's finished masks, and the shipped
model, on the photographs of DATA that training kept for validation, for the predicted class. Writes NAME.json (every
photograph's values) and NAME.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from whyframe.files import atomic_write
from whyframe_evaluation.methods import GROUPS, build_method
from whyframe_evaluation.metrics.score_distribution import (
    DISCRIMINATIVE_RANGE,
    discriminative_share,
    expected_mean,
    expected_share,
    right_tail_share,
    skewness,
)
from whyframe_training.classifiers.classifier import ClassifierSpec, build_classifier
from whyframe_training.data import list_images, load_frames, split, to_images
from whyframe_training.presets import CLASSIFIER, PRESETS

VALIDATION = 200


def main() -> None:
    """Measures, prints the table, writes both files."""
    args = _arguments()
    _, held_out = split(list_images(args.data), VALIDATION)
    values = measure(held_out[: args.count])
    report = {"photographs": [path.name for path in held_out[: args.count]], "values": values}
    atomic_write(args.output.with_suffix(".json"), json.dumps(report, indent=1).encode())
    text = table(values, len(held_out[: args.count]))
    atomic_write(args.output.with_suffix(".md"), text.encode())
    print(text)


def measure(paths: list[Path]) -> dict[str, list[dict[str, float]]]:
    """By method, the distribution of each photograph's scores."""
    classifier = build_classifier(ClassifierSpec(CLASSIFIER))
    methods = [build_method(name) for name in (*GROUPS["controllers"], "ct", "predictor")]
    values: dict[str, list[dict[str, float]]] = {method.name: [] for method in methods}
    for path in track(paths, "photographs"):
        images = to_images(load_frames([path], classifier.side), torch.device("cpu"))
        with torch.no_grad():
            target = classifier.logits(images).argmax(dim=1)
        for method in methods:
            values[method.name].append(describe(method.explain(classifier, images, target)[0].numpy()))
    return values


def describe(mask: np.ndarray) -> dict[str, float]:
    """Mean, skewness, and shares of a mask's scores between 0.2 and 0.8 and above 0.8."""
    plain = {
        "mean": mask.mean(),
        "skewness": skewness(mask),
        "between": discriminative_share(mask),
        "above": right_tail_share(mask, DISCRIMINATIVE_RANGE[1]),
    }
    return {name: round(float(value), 5) for name, value in plain.items()}


def table(values: dict[str, list[dict[str, float]]], count: int) -> str:
    """The means as Markdown."""
    heads = "| predictor | mean score | set to | right-skewed | 0.2 to 0.8 | set to | above 0.8 |"
    rows = [_row(name, own) for name, own in values.items()]
    note = (
        f"`python benchmarks/distribution.py DATA -o benchmarks/results/distribution`: {count} validation photographs, "
        "EfficientNet-Lite0, the predicted class, means over photographs. *Set to* is Eq. 13's expectation for normal "
        "input; *right-skewed* is the share of photographs whose scores have a skewness above 0. The presets named by "
        "their (eta, h), and `square`, saw 2,000 crops; `ct`, `bt` and `mgnet` 6,000; `predictor` is the shipped model."
    )
    return "\n".join([note, "", heads, "|---" * 7 + "|", *rows, ""])


def _row(name: str, own: list[dict[str, float]]) -> str:
    mean, between, above = (np.mean([one[key] for one in own]) for key in ("mean", "between", "above"))
    skewed = np.mean([one["skewness"] > 0 for one in own])
    wanted, middle = _set_to(name)
    return f"| {name} | {mean:.3f} | {wanted} | {skewed:.1%} | {between:.1%} | {middle} | {above:.1%} |"


def _set_to(name: str) -> tuple[str, str]:
    controller: Any = PRESETS[name].controller if name in PRESETS else {"name": ""}
    if controller["name"] != "ct":
        return "", ""
    eta, h = controller["eta"], controller["h"]
    return f"{expected_mean(eta, h):.3f}", f"{expected_share(eta, h, *DISCRIMINATIVE_RANGE):.1%}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of photographs")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NAME", help="NAME.json, NAME.md")
    parser.add_argument("--count", type=int, default=VALIDATION, help=f"photographs (default {VALIDATION})")
    return parser.parse_args()


if __name__ == "__main__":
    main()
