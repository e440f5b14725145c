"""A whole training run in a folder: settings, checkpoints, log, contact sheet, validation."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from whyframe.errors import WhyframeError
from whyframe.files import atomic_write
from whyframe_training.checkpoint import CONFIG, load_predictor
from whyframe_training.config import RunError, TrainConfig
from whyframe_training.contact_sheet import COLUMNS, save_contact_sheet
from whyframe_training.data import list_images, load_frames, split
from whyframe_training.predictor.mask_predictor import ClassActivationMap
from whyframe_training.trainer import Step, Trainer
from whyframe_training.validate import Methods, Validation, validate

SHEET_ROWS = 10
LOG_EVERY = 10
STAGES = {1: "feature filter", 2: "mask predictor"}


def train(config: TrainConfig, folder: Path, console: Console) -> Validation:
    """Trains, or goes on training, in a folder; validates at the end.

    Writes `config.json`, `checkpoint.pt`, `log.jsonl`, `contact_sheet.png` and `validation.json`.

    Args:
        config: the run's settings.
        folder: made if its parent exists; a run of the same settings in it is resumed.
        console: where progress is shown.

    Raises:
        RunError: the folder holds a run with other settings, or cannot be made.
        DataError: no images.
        ClassifierError: the classifier cannot be built.
    """
    images, held_out = split(list_images(config.data), config.validation)
    fresh = not folder.exists()
    open_run(folder, config)
    try:
        trainer = Trainer(config, images, folder)
    except WhyframeError:
        if fresh:  # else its settings would bar the next try
            shutil.rmtree(folder)
        raise
    resumed = f", resumed at step {trainer.done[2]}" if trainer.done[2] else ""
    console.print(
        f"{config.classifier.name}, {len(images)} images, {len(held_out)} for validation, "
        f"{trainer.device.type} in {config.precision}{resumed}"
    )
    train_steps(trainer, load_frames(held_out[:COLUMNS], trainer.classifier.side), console)
    result = validate_run(folder, config, held_out, trainer.device, console)
    show_validation(result, console)
    return result


def validate_run(
    folder: Path, config: TrainConfig, held_out: list[Path], device: torch.device, console: Console
) -> Validation:
    """Faithfulness of a run's last checkpoint beside the class activation map; writes `validation.json`."""
    from whyframe_training.classifiers.classifier import build_classifier

    classifier = build_classifier(config.classifier)
    predictor, _ = load_predictor(folder, config, classifier)
    methods: Methods = {"predictor": predictor.to(device)}
    if classifier.head() is not None:
        methods["cam"] = ClassActivationMap(classifier).to(device)
    with _progress(console) as progress:
        task = progress.add_task("validation", total=len(held_out), note="")
        result = validate(classifier.to(device), methods, held_out, device, lambda: progress.advance(task))
    atomic_write(folder / "validation.json", json.dumps(result.to_dict(), indent=1).encode())
    return result


def show_validation(result: Validation, console: Console) -> None:
    """Prints the table of means, and the difference with its interval."""
    table = Table(title=f"Faithfulness on {result.count()} of {len(result.files)} validation images")
    table.add_column("method")
    table.add_column("MF", justify="right")
    for name, mean in result.means().items():
        table.add_row(name, f"{mean:.2f}")
    console.print(table)
    if {"predictor", "cam"} <= set(result.scores):
        d = result.difference("predictor", "cam")
        console.print(f"predictor minus CAM: {d.mean:+.2f} (95 % bootstrap {d.low:+.2f} to {d.high:+.2f})")


def open_run(folder: Path, config: TrainConfig) -> None:
    """Makes a run folder and writes its settings, or finds the same run in it.

    Raises:
        RunError: the folder holds a run with other settings, or cannot be made.
    """
    path = folder / CONFIG
    if path.exists():
        if TrainConfig.load(path) != config:
            raise RunError(
                f"{folder} holds a run with other settings: choose another folder, or the same settings"
            )
        return
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(
            f"cannot make the folder {folder} ({error.strerror}): make its parent first"
        ) from error
    config.save(path)


def train_steps(trainer: Trainer, shown: torch.Tensor | None, console: Console) -> None:
    """Takes the steps that are left, with a progress bar, a log, and a contact sheet of the frames shown, if any."""
    started = time.monotonic()
    with _progress(console) as progress, (trainer.folder / "log.jsonl").open("a", encoding="utf-8") as log:
        tasks: dict[int, Any] = {}
        for count, step in enumerate(trainer.run(), 1):
            if step.stage not in tasks:
                start = step.done - 1
                tasks[step.stage] = progress.add_task(
                    STAGES[step.stage], total=step.steps, completed=start, note=""
                )
            rate = count * trainer.config.batch / (time.monotonic() - started)
            progress.update(
                tasks[step.stage], completed=step.done, note=f"loss {step.loss:.3f}, {rate:.1f} images/s"
            )
            if step.done % LOG_EVERY == 0 or step.done == step.steps:
                log.write(
                    json.dumps({"stage": step.stage, "step": step.done, "loss": step.loss, "rate": rate})
                    + "\n"
                )
                log.flush()
            if shown is not None:
                _extend_sheet(trainer, step, shown)


def _extend_sheet(trainer: Trainer, step: Step, shown: torch.Tensor) -> None:
    every = max(1, step.steps // SHEET_ROWS)
    if step.stage == 2 and (step.done % every == 0 or step.done == step.steps):
        kept = [row for row in trainer.sheet if row[0] < step.done]
        trainer.sheet = [*kept, (step.done, trainer.masks(shown))]
        save_contact_sheet(trainer.folder / "contact_sheet.png", shown, trainer.sheet)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"),
        TextColumn("time left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        yield progress
