"""The bundled model in float16 against float32, in ONNX Runtime, on photographs.

    python benchmarks/fp16.py --data PHOTOS -o benchmarks/results/fp16

Each photograph is explained by both graphs for the class that the float32 one predicts. Writes NAME.json and
NAME.md. ONNX Runtime on a CPU computes most float16 operators in float32 and rounds in between where it must:
what is measured is mostly the rounding of the weights.
"""

from __future__ import annotations

import argparse
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from whyframe import Manifest
from whyframe.files import atomic_write
from whyframe.preprocess import read_image, to_input
from whyframe_export.precision import compare_precisions, float32_island, to_fp16

MODEL = "models/efficientnet_lite0_ct.onnx"


def main() -> None:
    """Measures, prints the table, writes both files."""
    args = _arguments()
    content = (resources.files("whyframe") / MODEL).read_bytes()
    report = measure(content, sorted(args.data.iterdir())[: args.images])
    atomic_write(args.output.with_suffix(".json"), json.dumps(report, indent=1).encode() + b"\n")
    atomic_write(args.output.with_suffix(".md"), table(report).encode())
    print(table(report))


def measure(content: bytes, files: list[Path]) -> dict[str, Any]:
    """Converts and compares.

    Args:
        content: of the float32 file.
        files: photographs.
    """
    manifest, model = Manifest.read(content), onnx.load_from_string(content)
    half = to_fp16(model).SerializeToString()
    frames = np.stack([to_input(read_image(file), manifest.side, manifest.resize) for file in files])
    return {
        "model": Path(MODEL).name,
        "nodes": len(model.graph.node),
        "float32_nodes": len(float32_island(model.graph)),
        "megabytes": {"fp32": len(content) / 1e6, "fp16": len(half) / 1e6},
        **compare_precisions(content, half, frames).to_dict(),
        "onnxruntime": onnxruntime.__version__,
    }


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    rows = {
        "photographs": report["images"],
        "largest difference of a probability": f"{report['largest_probability_difference']:.1e}",
        "predicted classes that differ": report["different_class"],
        "smallest rank correlation of the maps": f"{report['smallest_rank_correlation']:.5f}",
        "largest difference of a score": f"{report['largest_saliency_difference']:.1e}",
        "nodes in float32": f"{report['float32_nodes']} of {report['nodes']}",
        "file, fp32 and fp16 (MB)": " and ".join(f"{size:.1f}" for size in report["megabytes"].values()),
    }
    lines = [f"| {report['model']} | fp16 against fp32 |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join([*lines, "", f"ONNX Runtime {report['onnxruntime']} on the CPU.", ""])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="photographs")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NAME", help="NAME.json, NAME.md")
    parser.add_argument("--images", type=int, default=100, help="how many, by name (default 100)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
