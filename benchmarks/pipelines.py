"""Agreement of whyframe with a user's own PIL and torchvision pipeline, by resize rule, on real weights.

    python benchmarks/pipelines.py --data PHOTOS -o benchmarks/results/pipelines

The reference is EfficientNet-Lite0 as its package builds it, in PyTorch, neither wrapped nor folded, fed by
torchvision's transforms on images that Pillow decodes. whyframe runs the fused file of this classifier (with a class
activation map) on the same files in ONNX Runtime. In the last row the file stretches every image, which is what happens
where nobody states the rule. Writes NAME.json and NAME.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import v2 as transforms

from script_output import argument_parser, markdown_table, write_results
from whyframe import ExplainEngine
from whyframe.files import json_text
from whyframe.progress import progress_bar
from whyframe_export import export
from whyframe_training.classifiers.networks import ClassifierSpec, build_network

CLASSIFIER, SIDE, SEED = "efficientnet_lite0", 224, 0
FILL = (114, 114, 114)
Prepare = Callable[[Image.Image], Image.Image]


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    files = _chosen(sorted(args.data.glob("*.jpg")), args.images)
    report = {name: measure(rule, prepare, files) for name, (rule, prepare) in RULES.items()}
    values = {
        "data": args.data.name,
        "seed": SEED,
        "images": len(files),
        "rules": report,
        "versions": _versions(),
    }
    write_results(args.output, page(values), json_text(values, indent=1))


def measure(rule: dict[str, Any], prepare: Prepare, files: list[Path]) -> dict[str, Any]:
    """Compare whyframe with the reference.

    Args:
        rule: Fields of the `ResizeRule` of the exported file.
        prepare: Function of the reference, from an RGB image to an image of the classifier's size.
        files: Image files.

    Returns:
        Share of images of equal top class, and the mean and the largest difference of probabilities.
    """
    network = build_network(ClassifierSpec(CLASSIFIER), 1000)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        export(ClassifierSpec(CLASSIFIER, resize=rule), model, explainer="cam")
        with ExplainEngine(model) as engine, progress_bar(str(rule), len(files), unit="images") as bar:
            pairs = []
            for file in files:
                ours = engine.run(file).probabilities
                pairs.append((ours, _reference(network, prepare, file)))
                bar.advance()
    return summarise(pairs)


def summarise(pairs: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> dict[str, Any]:
    """Return the agreement of pairs of class probabilities, ours and the reference's."""
    equal = [int(ours.argmax() == theirs.argmax()) for ours, theirs in pairs]
    top = [abs(float(ours[theirs.argmax()] - theirs.max())) for ours, theirs in pairs]
    return {
        "equal_top_class": sum(equal) / len(equal),
        "mean_difference_of_top_probability": float(np.mean(top)),
        "largest_difference": max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs),
        "top_differences": [round(value, 6) for value in top],
    }


@torch.no_grad()
def _reference(network: Any, prepare: Prepare, file: Path) -> NDArray[np.float32]:
    image = prepare(Image.open(file).convert("RGB"))
    tensor = transforms.functional.pil_to_tensor(image).float() / 255
    own = network.input
    tensor = (tensor - torch.tensor(own.mean).view(3, 1, 1)) / torch.tensor(own.std).view(3, 1, 1)
    return network.module.eval()(tensor[None]).softmax(dim=1)[0].numpy()  # type: ignore[no-any-return]


def _cropped(shorter: int, interpolation: InterpolationMode) -> Prepare:
    return transforms.Compose(
        [transforms.Resize(shorter, interpolation=interpolation, antialias=True), transforms.CenterCrop(SIDE)]
    )


def _letterboxed(image: Image.Image) -> Image.Image:
    scale = SIDE / max(image.size)
    width, height = (round(size * scale) for size in image.size)
    canvas = Image.new("RGB", (SIDE, SIDE), FILL)
    small = image.resize((width, height), Image.Resampling.BILINEAR)
    canvas.paste(small, (round((SIDE - width) / 2 - 0.1), round((SIDE - height) / 2 - 0.1)))
    return canvas


RULES: dict[str, tuple[dict[str, Any], Prepare]] = {
    "crop 256/224, bicubic": (
        {"mode": "crop", "shorter_side": 256, "interpolation": "bicubic"},
        _cropped(256, InterpolationMode.BICUBIC),
    ),
    "crop 232/224, bilinear, antialiased": (
        {"mode": "crop", "shorter_side": 232, "interpolation": "bilinear"},
        _cropped(232, InterpolationMode.BILINEAR),
    ),
    "stretch, bilinear, antialiased": (
        {"interpolation": "bilinear"},
        lambda image: image.resize((SIDE, SIDE), Image.Resampling.BILINEAR),
    ),
    "letterbox, bilinear, antialiased": (
        {"mode": "letterbox", "interpolation": "bilinear", "fill": FILL},
        _letterboxed,
    ),
    "reference: crop 256/224 bicubic; whyframe: stretch, fast": (
        {},
        _cropped(256, InterpolationMode.BICUBIC),
    ),
}


def page(values: dict[str, Any]) -> str:
    """Return the page of the results."""
    rows = [
        [
            name,
            f"{100 * result['equal_top_class']:.0f} %",
            f"{result['mean_difference_of_top_probability']:.5f}",
            f"{result['largest_difference']:.4f}",
        ]
        for name, result in values["rules"].items()
    ]
    header = [
        "resize rule",
        "equal top class",
        "mean difference of the top probability",
        "largest difference",
    ]
    command = "`python benchmarks/pipelines.py --data PHOTOS -o benchmarks/results/pipelines`"
    versions = ", ".join(f"{name} {version}" for name, version in values["versions"].items())
    return (
        f"{command}: {values['images']} photographs of `{values['data']}` (seed {values['seed']}), EfficientNet-Lite0. "
        f"{versions}.\n\n{markdown_table(header, rows)}\n"
    )


def _versions() -> dict[str, str]:
    return {
        "Pillow": Image.__version__,
        "torchvision": torchvision.__version__,
        "ONNX Runtime": onnxruntime.__version__,
    }


def _chosen(files: list[Path], count: int) -> list[Path]:
    order = np.random.default_rng(SEED).permutation(len(files))[:count]
    return [files[index] for index in sorted(order)]


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="PHOTOS", help="folder of JPEG files")
    parser.add_argument("--images", type=int, default=100, help="number of photographs (default: 100)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
