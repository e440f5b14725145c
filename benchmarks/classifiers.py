"""Every kind of classifier through `train` (a few steps), `export`, `run` and `check`.

    python benchmarks/classifiers.py --data PHOTOS -o benchmarks/results/classifiers

Networks have random weights; batch norms are calibrated on photographs, with a bias of 1, and the last layer is scaled
until its outputs have a standard deviation of 2, so that probabilities differ from image to image. Each classifier has
a process of its own; finished ones are read from NAME.json, so that an interrupted command continues. Columns: the
largest difference of a probability between ONNX Runtime on the exported file and the untouched module, on 50 inputs;
`whyframe check` on 8 photographs, against a pipeline of Pillow and PyTorch (`classifier_pipeline.py`). Writes NAME.json
and NAME.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from classifier_cases import CASES, Case, source
from classifier_pipeline import PIPELINE
from script_output import argument_parser, markdown_table, write_results
from whyframe.files import atomic_write, json_text
from whyframe.progress import progress_bar

LIMIT_SECONDS, IMAGES, CHECKED = 900, 24, 8
TOLERANCE = 1e-5


def main() -> None:
    """Run the cases that NAME.json lacks, and write the table."""
    args = _arguments()
    if args.case is not None:
        case = next(case for case in CASES if case.name == args.case)
        print(json_text(run_case(case, args.data, args.work)))
        return
    path = args.output.with_suffix(".json")
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    chosen = [case for case in CASES if not args.only or any(part in case.name for part in args.only)]
    with progress_bar("classifiers", len(chosen), unit="classifiers") as bar:
        for case in chosen:
            if "error" in results.get(case.name, {"error": ""}):
                results[case.name] = _in_a_process(case, args.data)
                atomic_write(path, json_text(results, indent=1).encode())
            bar.advance(case.name)
    write_results(args.output, page(results), json_text(results, indent=1))


def _in_a_process(case: Case, data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as work:
        command = [
            sys.executable,
            __file__,
            "--data",
            str(data),
            "-o",
            "unused",
            "--case",
            case.name,
            "--work",
            work,
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return {"error": f"not finished within {LIMIT_SECONDS} s"}
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return json.loads(lines[-1]) if done.returncode == 0 else {"error": lines[-1] if lines else "no message"}  # type: ignore[no-any-return]


def run_case(case: Case, data: Path, work: Path) -> dict[str, Any]:
    """Take a classifier through train, export, run and check.

    Args:
        case: The classifier.
        data: Folder of photographs.
        work: Empty folder for everything that is written.

    Returns:
        The differences, and what was found of the classifier.
    """
    from whyframe import ExplainEngine
    from whyframe_export import export
    from whyframe_training import train
    from whyframe_training.config import TrainConfig

    images = _images(case, data, work / "images")
    spec = _calibrated(case, images, work)
    config = TrainConfig(
        spec, data=str(work / "images"), validation=4, epochs=0.5, batch=4, filter_steps=2, precision="fp32"
    )
    train(config, work / "run")
    model = work / "model.onnx"
    report = export(work / "run", model).to_dict()
    with ExplainEngine(model) as engine:
        results = [engine.run(path) for path in images[:CHECKED]]
        spread = float(np.std([result.probabilities for result in results], axis=0).max())
        saliency = results[0].saliency
        assert saliency.shape == results[0].frame.shape[:2]
        assert np.isfinite(saliency).all()
        facts = {"mask": list(results[0].mask.shape), "input": str(engine.manifest.input)}
    checked = _check(case, model, images[:CHECKED], work)
    return {
        **facts,
        "against_module": report["largest_difference_from_own_probabilities"],
        "against_pytorch": report["largest_probability_difference"],
        "saliency": report["largest_saliency_difference"],
        "spread": spread,
        **checked,
    }


def _images(case: Case, data: Path, folder: Path) -> list[Path]:
    """Copy photographs into a folder, with an alpha channel where the classifier needs it."""
    folder.mkdir()
    for path in sorted(data.glob("*.jpg"))[:IMAGES]:
        image = Image.open(path).convert("RGB")
        if case.alpha:
            ramp = np.linspace(0, 255, image.width, dtype=np.uint8)
            image.putalpha(Image.fromarray(np.tile(ramp, (image.height, 1))))
        image.save(folder / f"{path.stem}.png")
    return sorted(folder.iterdir())


def _calibrated(case: Case, images: list[Path], work: Path) -> Any:
    """Return the specification of the classifier with calibrated weights in a file."""
    import torch
    from torch import nn

    from whyframe_training.classifiers.networks import ClassifierSpec, build_network
    from whyframe_training.data import load_frames, to_images

    labels = work / "labels.txt"
    labels.write_text("".join(f"class {index}\n" for index in range(case.classes)), encoding="utf-8")
    spec = ClassifierSpec(source(case), "random", str(labels), **case.options)
    torch.manual_seed(0)
    network = build_network(spec, case.classes)
    given = spec.input_spec(network.input)
    x = to_images(load_frames(images, given), torch.device("cpu"))
    x = (x - torch.tensor(given.mean).view(1, -1, 1, 1)) / torch.tensor(given.std).view(1, -1, 1, 1)
    norms = [m for m in network.module.modules() if isinstance(m, nn.BatchNorm2d) and m.track_running_stats]
    network.module.eval()
    with torch.no_grad():
        for norm in norms:
            norm.train()
            norm.momentum = None
            if (
                norm.affine
            ):  # mostly positive values: few kinks of a ReLU, which in random networks amplify rounding
                norm.bias.fill_(1.0)
        network.module(x)
        network.module.eval()
        _scale_last_layer(network.module, x)
    weights = work / "weights.pth"
    torch.save(network.module.state_dict(), weights)
    return ClassifierSpec(source(case), str(weights), str(labels), **case.options)


def _scale_last_layer(module: Any, x: Any) -> None:
    """Shift and scale the last layer until its outputs have the mean 0 and a standard deviation of 2."""
    from torch import nn

    last = [m for m in module.modules() if isinstance(m, (nn.Linear, nn.Conv2d))][-1]
    outputs: list[Any] = []
    handle = last.register_forward_hook(lambda _m, _i, output: outputs.append(output))
    module(x)
    handle.remove()
    values = outputs[-1].flatten(2).transpose(1, 2).flatten(0, 1) if outputs[-1].ndim == 4 else outputs[-1]
    values = values.reshape(-1, values.shape[-1])
    factor = 2 / max(float(values.std(dim=0).mean()), 1e-6)
    last.weight.mul_(factor)
    if last.bias is not None:
        last.bias.sub_(values.mean(dim=0)).mul_(factor)


def _check(case: Case, model: Path, images: list[Path], work: Path) -> dict[str, Any]:
    """Run ``whyframe check`` against a pipeline of Pillow and PyTorch."""
    pipeline = work / "pipeline.py"
    pipeline.write_text(PIPELINE.format(work=str(work), scripts=str(Path(__file__).parent)), encoding="utf-8")
    command = [sys.executable, "-m", "whyframe", "check", str(model), *map(str, images)]
    command += ["--pipeline", f"{pipeline}:predict", "--json"]
    (work / "case.json").write_text(json_text({"case": case.name}), encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout.strip():
        return {"check": f"failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"}
    compared = json.loads(done.stdout)["comparison"]
    kept = {name: compared[name] for name in ("top_agreement", "mean_difference", "largest_difference")}
    return {"check": "pass" if done.returncode == 0 else "fail", "checked": kept}


def page(results: dict[str, Any]) -> str:
    """Return the page of the results."""
    done = {name: result for name, result in results.items() if "error" not in result}
    rows = [_row(name, result) for name, result in results.items()]
    header = [
        "classifier",
        "input",
        "mask",
        "against the untouched module",
        "spread",
        "`whyframe check`, mean difference",
    ]
    within = sum(result["against_module"] <= TOLERANCE for result in done.values())
    command = "`python benchmarks/classifiers.py --data PHOTOS -o benchmarks/results/classifiers`"
    return (
        f"{command}: {len(results)} classifiers, of which {len(done)} were trained (a few steps), exported, run and "
        f"checked; {within} of them report the probabilities of the given module within {TOLERANCE:.0e}. Weights are "
        "random, batch norms calibrated; spread is the largest standard deviation of a class's probability over 8 "
        "photographs.\n\n"
        f"{markdown_table(header, rows)}\n"
    )


def _row(name: str, result: dict[str, Any]) -> list[str]:
    if "error" in result:
        return [name, "", "", result["error"].replace("|", "/"), "", ""]
    mask = " x ".join(map(str, result["mask"]))
    difference, spread = f"{result['against_module']:.1e}", f"{result['spread']:.3f}"
    mean = f", {result['checked']['mean_difference']:.4f}" if "checked" in result else ""
    return [name, result["input"], mask, difference, spread, result["check"] + mean]


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="PHOTOS", help="folder of JPEG files")
    parser.add_argument(
        "--only", nargs="*", default=[], help="run the classifiers whose name contains one of these"
    )
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
