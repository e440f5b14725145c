"""Training runs of the tiny network: settings, an untrained run, and a run that is killed and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from helpers import tiny_network
from whyframe_training.classifiers.classifier import ClassifierSpec
from whyframe_training.config import CONFIG, TrainConfig
from whyframe_training.trainer import Trainer

TINY = f"{tiny_network.__file__}:build"


def spec(folder: Path) -> ClassifierSpec:
    """Write the labels into a folder and return the specification of the tiny network with random weights."""
    labels = folder / "labels.txt"
    labels.write_text("\n".join(f"class {i}" for i in range(tiny_network.CLASSES)))
    return ClassifierSpec(TINY, "random", str(labels), side=tiny_network.SIDE)


def settings(classifier: ClassifierSpec, **changes: Any) -> TrainConfig:
    """Return the settings of a run that takes seconds; the folder of its data does not exist unless it is given."""
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
    """Write the folder of a run that has not started and return its trainer."""
    config.save(folder / CONFIG)
    trainer = Trainer(config, [Path("unused.png")], folder)
    trainer.save()
    return trainer


def killed_and_resumed(config: TrainConfig, folder: Path, *options: str) -> tuple[Path, Path]:
    """Train twice through the command line, the second time with a SIGKILL at step 150 of stage two.

    Args:
        config: Settings with random weights and a file of labels.
        folder: Folder for the folders of both runs.
        options: Further options of the command line.

    Returns:
        Folders of the uninterrupted run and of the resumed run.
    """
    classifier = config.classifier

    def command(run: Path) -> list[str]:
        return [
            sys.executable, "-c", "from whyframe.cli import main; main()", "train", *options, "--data", config.data,
            "--classifier", classifier.name, "--weights", "random", "--labels", str(classifier.labels),
            "--side", str(classifier.side), "--epochs", str(config.epochs), "--batch", str(config.batch),
            "--validation", str(config.validation), "--precision", config.precision, "-o", str(run),
        ]  # fmt: skip

    uninterrupted, resumed = folder / "a", folder / "b"
    subprocess.run(command(uninterrupted), check=True, capture_output=True)
    process = subprocess.Popen(command(resumed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = resumed / "log.jsonl"
    while not (log.exists() and '"stage": 2, "step": 150' in log.read_text()):
        time.sleep(0.05)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command(resumed), check=True, capture_output=True)
    return uninterrupted, resumed
