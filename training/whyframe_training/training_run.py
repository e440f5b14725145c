"""A training run in its folder: settings, checkpoint, log, contact sheet and validation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from whyframe.files import atomic_write, json_text
from whyframe.progress import progress_bar
from whyframe_training.checkpoint import load_predictor
from whyframe_training.classifiers.classifier import Classifier, ClassifierError, build_classifier
from whyframe_training.classifiers.input_description import describe_input
from whyframe_training.config import CONFIG, RunError, TrainConfig
from whyframe_training.contact_sheet import COLUMNS, save_contact_sheet
from whyframe_training.data import DEFAULT_VALIDATION, list_images, load_frames, split
from whyframe_training.duration import Duration, estimate_duration
from whyframe_training.folder_lock import locked_new_folder
from whyframe_training.predictor.class_activation_map import ClassActivationMap
from whyframe_training.predictor.forward_map import ForwardMap
from whyframe_training.trainer import STAGES, Step, Trainer
from whyframe_training.training_log import LOG, TrainingLog
from whyframe_training.validate import PREDICTOR, Methods, Validation, validate

CONTACT_SHEET = "contact_sheet.png"
VALIDATION = "validation.json"
SHEET_ROWS = 10


def train(config: TrainConfig, folder: str | Path, *, progress: bool = False) -> Validation:
    """Train a mask predictor in a run folder, or continue its training, and validate it.

    Writes `config.json`, `checkpoint.pt`, `log.jsonl`, `contact_sheet.png` and `validation.json`. A run that was
    interrupted continues from its last checkpoint, with the same result as without the interruption.

    Examples:
        >>> validation = train(TrainConfig(ClassifierSpec("resnet50"), data="photos"), "runs/resnet50")
        >>> validation.means()["predictor"]  # percent

    Args:
        config: Settings of the run.
        folder: Run folder; made where it is missing. Its run must have the same settings.
        progress: Show progress bars on stderr.

    Returns:
        Faithfulness of the predictor, and of the class activation map where the classifier has one.

    Raises:
        RunError: The folder holds a run with other settings, or cannot be made.
        OutputError: The folder cannot be written, or another process uses it.
        DataError: The data folder has no images, or too few.
        ClassifierError: The classifier cannot be built.
    """
    return TrainingRun(config, Path(folder)).train(progress=progress)


class TrainingRun:
    """A training run, ready to train: its folder is locked, and its trainer has the state of the last checkpoint.

    Args:
        config: Settings of the run.
        folder: Run folder; made where it is missing. A new folder is removed again where a `WhyframeError` is raised.

    Attributes:
        trainer: The trainer.
        held_out: Image files of the validation.
        scaled_down: True where no number of validation images was given, and the folder holds too few for the default.

    Raises:
        RunError: The folder holds a run with other settings, or cannot be made.
        OutputError: The folder cannot be written, or another process uses it.
        DataError: The data folder has no images, or too few.
        ClassifierError: The classifier cannot be built.
    """

    trainer: Trainer
    held_out: list[Path]
    scaled_down: bool = False

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        found = list_images(config.data)
        images, self.held_out = split(found, config.validation)
        self.scaled_down = config.validation is None and len(self.held_out) < DEFAULT_VALIDATION
        config = dataclasses.replace(config, validation=len(self.held_out))
        with locked_new_folder(folder) as self._lock:
            open_run(folder, config)
            self.trainer = Trainer(config, images, folder)

    def describe(self) -> str:
        """Return lines on the classifier, the images and the device, the network's input, and its outputs."""
        return self._description(self.trainer.config.classifier.name)

    def estimate(self) -> Duration | None:
        """Return the time of the remaining steps, measured on a few of them; None where no step remains."""
        with explained_errors():
            return estimate_duration(self.trainer)

    def train(self, *, progress: bool = False) -> Validation:
        """Take the remaining steps and validate the result; see `train`. The folder is free afterwards."""
        frames = load_frames(self.held_out[:COLUMNS], self.trainer.classifier.input)
        with self._lock, explained_errors():
            train_steps(self.trainer, frames, progress=progress)
            result = self.measure(build_classifier(self.trainer.config.classifier), progress=progress)
            atomic_write(self.trainer.folder / VALIDATION, json_text(result.to_dict(), indent=1).encode())
        return result

    def measure(self, classifier: Classifier, *, progress: bool = False) -> Validation:
        """Return the faithfulness of the last checkpoint on the validation images.

        Args:
            classifier: Classifier of the run, in float32 on the CPU; moved to the run's device.
            progress: Show a progress bar on stderr.
        """
        device = self.trainer.device
        predictor, _ = load_predictor(self.trainer.folder, self.trainer.config, classifier)
        methods = {PREDICTOR: predictor.to(device), **training_free_methods(classifier, device)}
        return validate(classifier.to(device), methods, self.held_out, device, progress=progress)

    def _description(self, classifier: str) -> str:
        trainer = self.trainer
        resumed = f", resumed at step {trainer.done[2]}" if trainer.done[2] else ""
        count = len(self.held_out)
        note = f" (scaled down from {DEFAULT_VALIDATION}; --validation sets it)" if self.scaled_down else ""
        return (
            f"{classifier}, {len(trainer.stream.images)} images, {count} for validation{note}, "
            f"{device_name(trainer.device)} in {trainer.config.precision}{resumed}\n"
            f"{describe_input(trainer.config.classifier, trainer.classifier)}\n"
            f"outputs: {trainer.classifier.outputs_note}"
        )


def device_name(device: torch.device) -> str:
    """Return the name of a device for people: the model of the GPU and its number, or "cpu"."""
    if device.type != "cuda":
        return device.type
    return f"{torch.cuda.get_device_name(device)} (cuda:{device.index or 0})"


def training_free_methods(classifier: Classifier, device: torch.device) -> Methods:
    """Return the explainer that needs no training, by name, with which the trained one is compared.

    It is the class activation map where the network has one, else the forward map; empty where that is too expensive.

    Args:
        classifier: The classifier to explain.
        device: Device to compute on.
    """
    if classifier.head() is not None:
        return {"cam": ClassActivationMap(classifier).to(device)}
    try:
        return {"forward": ForwardMap(classifier).to(device)}
    except ClassifierError:
        return {}


@contextmanager
def explained_errors() -> Iterator[None]:
    """Turn running out of GPU memory into one line.

    Raises:
        RunError: The block needs more GPU memory than there is.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RunError(
            "the GPU has too little free memory: give a smaller --batch and another run folder, end other programs "
            "that use the GPU, or hide it with CUDA_VISIBLE_DEVICES= to train on the CPU"
        ) from error


def open_run(folder: Path, config: TrainConfig) -> None:
    """Make a run folder and write its settings, or check that its run has the same settings.

    Raises:
        RunError: The folder holds a run with other settings, or cannot be made.
    """
    path = folder / CONFIG
    if path.exists():
        if TrainConfig.load(path) != config:
            raise RunError(
                f"{folder} holds a run with other settings: choose another folder, or the same settings"
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"cannot make the folder {folder} ({error.strerror}): choose another place with -o"
        ) from error
    config.save(path)


def train_steps(trainer: Trainer, frames: torch.Tensor | None = None, *, progress: bool = False) -> None:
    """Take the remaining steps of a trainer, and append them to `log.jsonl`.

    Args:
        trainer: The trainer.
        frames: N x H x W x C uint8 RGB, whose masks `contact_sheet.png` shows as they are learned; None draws none.
        progress: Show a progress bar for each stage on stderr.
    """
    log = TrainingLog(trainer.folder / LOG, trainer.config.batch, trainer.done)
    for stage, title in STAGES.items():
        steps, done = trainer.steps[stage], trainer.done[stage]
        hidden = not progress or done >= steps
        with progress_bar(title, steps, completed=done, keep=True, hidden=hidden) as bar:
            for step in trainer.run_stage(stage):
                bar.advance(log.add(step))
                if frames is not None and stage == 2:
                    _extend_sheet(trainer, step, frames)


def _extend_sheet(trainer: Trainer, step: Step, frames: torch.Tensor) -> None:
    every = max(1, step.steps // SHEET_ROWS)
    if step.done % every == 0 or step.done == step.steps:
        earlier = [row for row in trainer.sheet if row[0] < step.done]
        trainer.sheet = [*earlier, (step.done, trainer.masks(frames))]
        save_contact_sheet(trainer.folder / CONTACT_SHEET, frames, trainer.sheet)
