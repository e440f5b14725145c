"""Who is more faithful than whom: paired differences of a finished `whyframe evaluate`.

    python benchmarks/ordering.py REPORT/values.json -o benchmarks/results/ordering [--ours predictor ct bt]

For each of our methods, its MF minus that of every other method, on the pictures that both were measured on: all, and
those of the folder without boxes alone, which training kept for validation. Writes NAME.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from whyframe.files import atomic_write
from whyframe_training.statistics import Estimate, paired_difference

MEASURE = "faithfulness"
Values = dict[str, dict[str, float]]


def main() -> None:
    """Reads the report, prints the tables, writes the file."""
    args = _arguments()
    report = json.loads(args.report.read_text(encoding="utf-8"))
    values, boxed = by_method(report["rows"]), {one["file"] for one in report["pictures"] if one["boxes"]}
    photographs = {one["file"] for one in report["pictures"]} - boxed
    text = document([name for name in args.ours if name in values], values, photographs, str(args.output))
    atomic_write(args.output.with_suffix(".md"), text.encode())
    print(text)


def by_method(rows: Iterable[Mapping[str, Any]]) -> Values:
    """MF by method and picture, where there is one."""
    values: Values = {}
    for row in rows:
        own = values.setdefault(row["method"], {})
        if row["values"].get(MEASURE) is not None:
            own[row["file"]] = row["values"][MEASURE]
    return values


def difference(ours: Mapping[str, float], theirs: Mapping[str, float], files: set[str]) -> Estimate:
    """Paired bootstrap of MF over the pictures that both were measured on."""
    common = sorted(set(ours) & set(theirs) & files)
    return paired_difference([ours[file] for file in common], [theirs[file] for file in common])


def document(ours: list[str], values: Values, photographs: set[str], output: str) -> str:
    """The tables as Markdown."""
    everything = {file for own in values.values() for file in own}
    parts = [
        f"`python benchmarks/ordering.py REPORT/values.json -o {output}`: MF of one method minus another's, percent, "
        "over the pictures that both were measured on; 95 % paired bootstrap over pictures, 10,000 draws, seed 0. "
        "An interval above 0 is in bold.",
    ]
    for name in ours:
        others = [other for other in values if other != name and values[other]]
        rows = [
            f"| {other} | {_cell(difference(values[name], values[other], photographs))} "
            f"| {_cell(difference(values[name], values[other], everything))} |"
            for other in others
        ]
        heads = [f"| {name} minus | validation photographs | all pictures |", "|---|---|---|"]
        parts.append("\n".join([*heads, *rows]))
    return "\n\n".join(parts) + "\n"


def _cell(d: Estimate) -> str:
    if not d.count:
        return "-"
    text = f"{d.mean:+.2f} ({d.low:+.2f} to {d.high:+.2f})"
    return (f"**{text}**" if d.low > 0 else text) + f", n = {d.count}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path, metavar="REPORT/values.json", help="of a finished evaluation")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NAME", help="NAME.md")
    parser.add_argument("--ours", nargs="+", default=["predictor", "ct", "bt"], help="methods to compare")
    return parser.parse_args()


if __name__ == "__main__":
    main()
