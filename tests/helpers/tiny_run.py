"""Runs on the tiny network: their settings, a folder without training, and one that was killed and went on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from helpers import tiny_network
from whyframe_training.checkpoint import CONFIG, save_checkpoint
from whyframe_training.classifiers.classifier import ClassifierSpec
from whyframe_training.config import TrainConfig
from whyframe_training.trainer import Trainer

TINY = f"{tiny_network.__file__}:build"


def spec(folder: Path) -> ClassifierSpec:
    """The tiny network with random weights; the folder gets its labels."""
    labels = folder / "labels.txt"
    labels.write_text("\n".join(f"class {i}" for i in range(tiny_network.CLASSES)))
    return ClassifierSpec(TINY, "random", str(labels), side=tiny_network.SIDE)


def settings(classifier: ClassifierSpec, **changes: Any) -> TrainConfig:
    """A run of seconds; unless given, the data's folder does not exist."""
    known: dict[str, Any] = {
        "generator": {"name": "edge", "widths": [8, 8, 8]},
        "data": "photos",
        "epochs": 3,
        "filter_steps": 3,
        "batch": 4,
        "precision": "fp32",
    }
    return TrainConfig(classifier, **{**known, **changes})


def untrained(config: TrainConfig, folder: Path) -> Trainer:
    """Makes the folder a run's with the weights that training starts from."""
    config.save(folder / CONFIG)
    trainer = Trainer(config, [Path("unused.png")], folder)
    save_checkpoint(trainer)
    return trainer


def killed_and_resumed(config: TrainConfig, folder: Path, *options: str) -> tuple[Path, Path]:
    """Trains twice through the command line, the second time with a SIGKILL at step 150 of stage two.

    Args:
        config: with random weights, and a file of labels.
        folder: that gets both runs' folders.
        options: of the command line, besides the settings.
    """
    classifier = config.classifier

    def command(run: Path) -> list[str]:
        return [
            sys.executable, "-c", "from whyframe.cli import main; main()", "train", *options, "--data", config.data,
            "--classifier", classifier.name, "--weights", "random", "--labels", str(classifier.labels),
            "--side", str(classifier.side), "--epochs", str(config.epochs), "--batch", str(config.batch),
            "--validation", str(config.validation), "--precision", config.precision, "-o", str(run),
        ]  # fmt: skip

    whole, broken = folder / "a", folder / "b"
    subprocess.run(command(whole), check=True, capture_output=True)
    victim = subprocess.Popen(command(broken), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = broken / "log.jsonl"
    while not (log.exists() and '"stage": 2, "step": 150' in log.read_text()):
        time.sleep(0.05)
        assert victim.poll() is None
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    subprocess.run(command(broken), check=True, capture_output=True)
    return whole, broken
