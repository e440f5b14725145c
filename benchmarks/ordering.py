"""Paired differences in faithfulness between the methods of a finished `whyframe evaluate`.

    python benchmarks/ordering.py REPORT/values.json -o benchmarks/results/ordering [--ours predictor ct bt]

For each method of `--ours`, the differences are its faithfulness (MF) minus that of every other method, on the images
for which both have a value: once on all images, and once on the images without boxes, which training kept for
validation. Writes NAME.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from script_output import argument_parser, markdown_table, write_results
from whyframe_training.statistics import Estimate, paired_difference

METRIC = "faithfulness"

Values = dict[str, dict[str, float]]
"""By method and image file, MF in percent."""


def main() -> None:
    """Read the values of the evaluation, and write the page."""
    args = _arguments()
    report = json.loads(args.report.read_text(encoding="utf-8"))
    values = by_method(report["rows"])
    without_boxes = {image["file"] for image in report["pictures"] if not image["boxes"]}
    ours = [name for name in args.ours if name in values]
    write_results(args.output, document(ours, values, without_boxes, str(args.output)))


def by_method(rows: Iterable[Mapping[str, Any]]) -> Values:
    """Return MF by method and image, without the images for which it is not defined."""
    values: Values = {}
    for row in rows:
        of_method = values.setdefault(row["method"], {})
        if row["values"].get(METRIC) is not None:
            of_method[row["file"]] = row["values"][METRIC]
    return values


def difference(ours: Mapping[str, float], theirs: Mapping[str, float], files: set[str]) -> Estimate:
    """Return the mean difference of two methods, on those of the files for which both have a value."""
    common = sorted(set(ours) & set(theirs) & files)
    return paired_difference([ours[file] for file in common], [theirs[file] for file in common])


def document(ours: list[str], values: Values, without_boxes: set[str], output: str) -> str:
    """Return the page: a table for each of our methods.

    Args:
        ours: Names of the methods to compare with all others.
        values: MF by method and image.
        without_boxes: Files of the images without boxes.
        output: Value of the option ``-o``, for the command at the top.
    """
    everything = {file for of_method in values.values() for file in of_method}
    parts = [
        f"`python benchmarks/ordering.py REPORT/values.json -o {output}`. MF of one method minus MF of another, in "
        "percentage points, on the images for which both have a value, with 95 % intervals from a paired bootstrap "
        "over images (10,000 resamples, seed 0). Intervals that lie above 0 are in bold.",
    ]
    for name in ours:
        others = [other for other in values if other != name and values[other]]
        rows = [
            [
                other,
                *(
                    _cell(difference(values[name], values[other], files))
                    for files in (without_boxes, everything)
                ),
            ]
            for other in others
        ]
        parts.append(markdown_table([f"{name} minus", "validation photographs", "all images"], rows))
    return "\n\n".join(parts) + "\n"


def _cell(estimate: Estimate) -> str:
    if not estimate.count:
        return "-"
    text = f"{estimate.mean:+.2f} ({estimate.low:+.2f} to {estimate.high:+.2f})"
    return (f"**{text}**" if estimate.low > 0 else text) + f", n = {estimate.count}"


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument(
        "report",
        type=Path,
        metavar="REPORT/values.json",
        help="file that a finished 'whyframe evaluate' wrote",
    )
    parser.add_argument(
        "--ours",
        nargs="+",
        default=["predictor", "ct", "bt"],
        metavar="METHOD",
        help="methods to compare with all others (default: predictor ct bt)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
