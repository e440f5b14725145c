"""Explain a classifier of your own, end to end: train a mask predictor, export one ONNX file, explain an image.

    python examples/own_classifier.py photos/ photo.jpg --weights w.pt --labels labels.txt

Needs the extra `export` (pip install '.[export]'). `photos/` holds images like those that the classifier will see;
labels for them are not needed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torchvision
from torch import nn

from whyframe import ExplainEngine
from whyframe_export import export
from whyframe_training import ClassifierSpec, TrainConfig, train


def build() -> nn.Module:
    """Return the network without its weights; replace this example by your own."""
    return torchvision.models.mobilenet_v3_small(num_classes=10)


def main() -> None:
    """Train, export and explain."""
    args = parse_arguments()
    classifier = ClassifierSpec(
        f"{__file__}:build",
        weights=str(args.weights),
        labels=str(args.labels),
        side=args.side,
        resize={"shorter_side": args.shorter_side} if args.shorter_side else {},
    )
    config = TrainConfig(
        classifier, data=str(args.photos), validation=args.validation, epochs=args.epochs, batch=args.batch
    )
    validation = train(config, args.output, progress=True)
    print("faithfulness:", validation.means())

    model = args.output / "model.onnx"
    export(args.output, model)

    with ExplainEngine(model) as engine:
        result = engine.run(args.image)
    print(result.label, f"{result.probability:.0%}")
    print("written:", result.save(args.output / "explained.png"))


def parse_arguments() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of training images")
    parser.add_argument("image", type=Path, help="image to explain")
    parser.add_argument("--weights", type=Path, required=True, help="state dict of the network (.pt)")
    parser.add_argument("--labels", type=Path, required=True, help="text file with one label per line")
    parser.add_argument("--side", type=int, default=224, help="input side in pixels")
    parser.add_argument(
        "--shorter-side", type=int, help="frame's shorter side before a centre crop, in pixels"
    )
    parser.add_argument("--validation", type=int, default=200, help="images kept for validation")
    parser.add_argument("--epochs", type=float, default=60, help="passes over the training images")
    parser.add_argument("--batch", type=int, default=32, help="images per step")
    parser.add_argument("-o", "--output", type=Path, default=Path("own-classifier"), help="run folder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
