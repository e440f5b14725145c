"""Distribution of the scores of trained mask predictors, compared with the distribution set by their controllers.

    python benchmarks/distribution.py DATA -o benchmarks/results/distribution

The predictors are the presets with other controllers, BT, MGnet, CT applied to the finished masks of MGnet, and the
bundled model (Fu et al. 2022, Fig. 6). They explain the predicted class of the photographs of DATA that training kept
for validation. Writes NAME.json, with the values of every photograph, and NAME.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from script_output import argument_parser, markdown_table, write_results
from whyframe.files import json_text
from whyframe.progress import progress_bar
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
"""Number of images that the training of the presets kept for validation."""

Values = dict[str, list[dict[str, float]]]
"""By method, the figures of each photograph, as `describe` returns them."""


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    paths = split(list_images(args.data), VALIDATION)[1][: args.count]
    values = measure(paths)
    report = {"photographs": [path.name for path in paths], "values": values}
    write_results(args.output, table(values, len(paths)), json_text(report, indent=1))


def measure(paths: list[Path]) -> Values:
    """Return the distribution of the scores of every method on every photograph."""
    classifier = build_classifier(ClassifierSpec(CLASSIFIER))
    methods = [build_method(name) for name in (*GROUPS["controllers"], "ct", "predictor")]
    values: Values = {method.name: [] for method in methods}
    with progress_bar("photographs", len(paths)) as bar:
        for path in paths:
            images = to_images(load_frames([path], classifier.input), torch.device("cpu"))
            with torch.no_grad():
                target = classifier.logits(images).argmax(dim=1)
            for method in methods:
                mask = method.explain(classifier, images, target)[0].numpy()
                values[method.name].append(describe(mask))
            bar.advance()
    return values


def describe(mask: np.ndarray) -> dict[str, float]:
    """Return the mean and the skewness of a mask, and the shares of its scores from 0.2 to 0.8 and above 0.8."""
    figures = {
        "mean": mask.mean(),
        "skewness": skewness(mask),
        "between": discriminative_share(mask),
        "above": right_tail_share(mask, DISCRIMINATIVE_RANGE[1]),
    }
    return {name: round(float(value), 5) for name, value in figures.items()}


def table(values: Values, count: int) -> str:
    """Return the page with the means over the photographs.

    Args:
        values: The figures by method.
        count: Number of photographs.
    """
    header = ["predictor", "mean score", "expected", "right-skewed", "0.2 to 0.8", "expected", "above 0.8"]
    note = (
        f"`python benchmarks/distribution.py DATA -o benchmarks/results/distribution`. Means over {count} validation "
        "photographs; each map explains the class that EfficientNet-Lite0 predicts. *Expected* is the value for "
        "normally distributed logits (Fu et al. 2022, Eq. 13). *Right-skewed* is the share of photographs whose scores "
        "have a skewness above 0. The presets named by their (eta, h), and `square`, were trained on 2,000 crops, and "
        "`ct`, `bt` and `mgnet` on 6,000. `predictor` is the bundled model."
    )
    rows = [_row(name, figures) for name, figures in values.items()]
    return f"{note}\n\n{markdown_table(header, rows)}\n"


def _row(name: str, figures: list[dict[str, float]]) -> list[str]:
    mean, between, above = (np.mean([mask[key] for mask in figures]) for key in ("mean", "between", "above"))
    right_skewed = np.mean([mask["skewness"] > 0 for mask in figures])
    expected, expected_between = _expected(name)
    return [
        name,
        f"{mean:.3f}",
        expected,
        f"{right_skewed:.1%}",
        f"{between:.1%}",
        expected_between,
        f"{above:.1%}",
    ]


def _expected(name: str) -> tuple[str, str]:
    """Return the expected mean and the expected share from 0.2 to 0.8; empty where the preset is not of CT."""
    controller: Any = PRESETS[name].controller if name in PRESETS else {"name": ""}
    if controller["name"] != "ct":
        return "", ""
    eta, h = controller["eta"], controller["h"]
    return f"{expected_mean(eta, h):.3f}", f"{expected_share(eta, h, *DISCRIMINATIVE_RANGE):.1%}"


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="folder of photographs that the presets were trained on"
    )
    parser.add_argument(
        "--count",
        type=int,
        default=VALIDATION,
        help="number of validation photographs (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
