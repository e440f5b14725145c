"""Training of the presets whose weights are part of the package, one after the other.

    python benchmarks/presets.py DATA -o RUNS [NAME ...]

Each preset has a run folder in RUNS. An interrupted run is continued, and a preset whose weights exist is left out.
Writes the decoders, without their class embedding, to the folder where `whyframe_training.presets` reads them.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from importlib import resources
from pathlib import Path

from whyframe import __version__
from whyframe_training.checkpoint import load_predictor
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.config import TrainConfig
from whyframe_training.data import list_images, split
from whyframe_training.presets import PRESETS, WEIGHTS, preset_config, save_decoder
from whyframe_training.trainer import Trainer
from whyframe_training.training_run import open_run, train_steps


def main() -> None:
    """Train the presets whose weights are missing."""
    args = _arguments()
    folder = Path(str(resources.files("whyframe_training"))) / WEIGHTS
    folder.mkdir(exist_ok=True)
    args.output.mkdir(exist_ok=True)
    for name in args.names or PRESETS:
        path = folder / f"{name}.safetensors"
        if not path.exists():
            _train(name, str(args.data), args.output / name, path)


def _train(name: str, data: str, run: Path, path: Path) -> None:
    config = preset_config(name, data)
    print(name)
    open_run(run, config)
    images, _ = split(list_images(data), config.validation)
    train_steps(Trainer(config, images, run), progress=True)
    predictor, steps = load_predictor(run, config, build_classifier(config.classifier))
    save_decoder(predictor, _facts(config, steps, len(images)), path)


def _facts(config: TrainConfig, steps: int, images: int) -> dict[str, object]:
    return {
        "objective": asdict(config.objective),
        "controller": config.controller,
        "photographs": images,
        "crops": steps * config.batch,
        "seed": config.seed,
        "whyframe": __version__,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of photographs")
    parser.add_argument("names", nargs="*", metavar="NAME", help="presets to train (default: all)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUNS", help="folder of the runs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
