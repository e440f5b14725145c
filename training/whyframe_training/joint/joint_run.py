"""A joint run in a folder: what a plain run has, and the classifier that came of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import torch
from rich.console import Console

from whyframe.files import atomic_write
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.config import RunError, TrainConfig
from whyframe_training.contact_sheet import COLUMNS
from whyframe_training.data import load_frames
from whyframe_training.joint.accuracy import measure_accuracy
from whyframe_training.joint.classifier_weights import save_weights, starting_network
from whyframe_training.joint.joint_trainer import CLASSIFIER, JointTrainer
from whyframe_training.joint.labelled import Labelled, read_labelled, split_labelled
from whyframe_training.training_run import open_run, show_validation, train_steps, validate_run
from whyframe_training.validate import Validation

LABELS = "labels.txt"
JOINT = "joint.json"


def train_joint(config: TrainConfig, classes: Path | None, folder: Path, console: Console) -> Validation:
    """Trains a classifier and its predictor at once, or goes on training them, in a folder; validates at the end.

    Writes what `whyframe_training.training_run.train` writes, and `classifier.safetensors`, `labels.txt` (which the
    run's `config.json` names as its classifier) and `joint.json` (what it started from). `validation.json` has the
    accuracy.

    Args:
        config: the run's settings; its classifier is the one to start from.
        classes: a CSV file with columns `file` and `class`; None where sub-folders are the classes.
        folder: made if its parent exists; a run of the same settings in it is resumed.
        console: where progress is shown.

    Raises:
        RunError: the folder holds a run with other settings, or cannot be made.
        DataError: no photographs, or some without a class.
        ClassifierError: the classifier cannot be built, or has no last linear layer.
    """
    labelled = read_labelled(config.data, classes)
    train, held_out = split_labelled(config.data, labelled, config.validation)
    own = prepare(config, classes, labelled.labels, folder)
    trainer = JointTrainer(own, train, folder)
    resumed = f", resumed at step {trainer.done[2]}" if trainer.done[2] else ""
    console.print(
        f"{own.classifier.name} with {len(labelled.labels)} classes, {len(train.paths)} images, "
        f"{len(held_out.paths)} for validation, {trainer.device.type} in {own.precision}{resumed}"
    )
    train_steps(trainer, load_frames(held_out.paths[:COLUMNS], trainer.classifier.side), console)
    return validate_joint(folder, own, held_out, trainer.device, console)


def prepare(config: TrainConfig, classes: Path | None, labels: tuple[str, ...], folder: Path) -> TrainConfig:
    """Makes a run folder with labels and the weights to start from, or finds the same run in it.

    Returns:
        The run's settings: those given, with the folder's own classifier.

    Raises:
        RunError: the folder holds a run with other settings, or cannot be made.
    """
    if config.start_from is not None:
        raise RunError("a joint run trains its predictor from the start: leave out --start-from")
    start = config.classifier
    spec = dataclasses.replace(start, weights=str(folder / CLASSIFIER), labels=str(folder / LABELS))
    own = dataclasses.replace(config, classifier=spec)
    open_run(folder, own)
    origin = {
        "classifier": dataclasses.asdict(start),
        "classes": None if classes is None else str(classes),
        "labels": list(labels),
    }
    _claim_origin(folder / JOINT, json.dumps(origin, indent=2) + "\n")
    atomic_write(folder / LABELS, "".join(f"{label}\n" for label in labels).encode())
    if not (folder / CLASSIFIER).exists():
        network = starting_network(start, labels, folder / LABELS, config.seed)
        save_weights(network.state_dict(), folder / CLASSIFIER)
    return own


def validate_joint(
    folder: Path, config: TrainConfig, held_out: Labelled, device: torch.device, console: Console
) -> Validation:
    """Faithfulness as of every run, and accuracy; adds the latter to `validation.json`."""
    result = validate_run(folder, config, list(held_out.paths), device, console)
    accuracy = measure_accuracy(build_classifier(config.classifier).to(device), held_out, device)
    report = {**result.to_dict(), "accuracy": accuracy.to_dict()}
    atomic_write(folder / "validation.json", json.dumps(report, indent=1).encode())
    show_validation(result, console)
    low, high = accuracy.interval()
    console.print(
        f"accuracy {accuracy.percent:.1f} % of {accuracy.count} (95 % interval {low:.1f} to {high:.1f})"
    )
    return result


def _claim_origin(path: Path, text: str) -> None:
    if not path.exists():
        atomic_write(path, text.encode())
    elif path.read_text(encoding="utf-8") != text:
        raise RunError(
            f"{path.parent} holds a joint run that started from something else: choose another folder"
        )
