"""Difference between the bundled model in float16 and in float32, in ONNX Runtime on the CPU.

    python benchmarks/fp16.py --data PHOTOS -o benchmarks/results/fp16

Both graphs explain each photograph for the class that the float32 graph predicts. On a CPU, ONNX Runtime computes most
float16 operators in float32 and rounds between them, so the differences come mostly from the rounding of the weights.
Writes NAME.json and NAME.md.
"""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from script_output import argument_parser, markdown_table, write_results
from whyframe import Manifest
from whyframe.files import json_text
from whyframe.images import read_image
from whyframe.preprocess import to_input
from whyframe_export.precision import compare_precisions, float32_island, to_fp16

MODEL = "models/efficientnet_lite0_ct.onnx"


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    content = (resources.files("whyframe") / MODEL).read_bytes()
    report = measure(content, sorted(args.data.iterdir())[: args.images])
    write_results(args.output, table(report), json_text(report, indent=1))


def measure(content: bytes, files: list[Path]) -> dict[str, Any]:
    """Convert the model and compare both precisions.

    Args:
        content: Content of the float32 file.
        files: Photographs to explain.

    Returns:
        Sizes of the two files and of the graph, and the differences.
    """
    manifest, model = Manifest.read(content), onnx.load_from_string(content)
    half = to_fp16(model).SerializeToString()
    frames = np.stack([to_input(read_image(file), manifest.input) for file in files])
    return {
        "model": Path(MODEL).name,
        "nodes": len(model.graph.node),
        "float32_nodes": len(float32_island(model.graph)),
        "megabytes": {"fp32": len(content) / 1e6, "fp16": len(half) / 1e6},
        **compare_precisions(content, half, frames).to_dict(),
        "onnxruntime": onnxruntime.__version__,
    }


def table(report: dict[str, Any]) -> str:
    """Return the page of a report."""
    rows = {
        "photographs": str(report["images"]),
        "largest difference of a probability": f"{report['largest_probability_difference']:.1e}",
        "photographs whose predicted class differs": str(report["different_class"]),
        "smallest rank correlation of two maps": f"{report['smallest_rank_correlation']:.5f}",
        "largest difference of a score": f"{report['largest_saliency_difference']:.1e}",
        "nodes that stay in float32": f"{report['float32_nodes']} of {report['nodes']}",
        "size of the file in fp32 and fp16 (MB)": " and ".join(
            f"{size:.1f}" for size in report["megabytes"].values()
        ),
    }
    cells = markdown_table([report["model"], "fp16 compared with fp32"], list(rows.items()))
    command = "`python benchmarks/fp16.py --data PHOTOS -o benchmarks/results/fp16`"
    return f"{command}. ONNX Runtime {report['onnxruntime']} on the CPU.\n\n{cells}\n"


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="PHOTOS", help="folder of photographs")
    parser.add_argument(
        "--images",
        type=int,
        default=100,
        help="number of photographs, in the order of their names (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
