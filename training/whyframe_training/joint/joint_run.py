"""A joint training run in its folder: a training run whose classifier is trained too."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whyframe.files import atomic_write, json_text
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec
from whyframe_training.config import RunError, TrainConfig
from whyframe_training.data import DEFAULT_VALIDATION, list_images, validation_count
from whyframe_training.folder_lock import locked_new_folder
from whyframe_training.joint.accuracy import Accuracy, measure_accuracy
from whyframe_training.joint.classifier_weights import save_weights, starting_network
from whyframe_training.joint.joint_trainer import CLASSIFIER, JointTrainer
from whyframe_training.joint.labelled import read_labelled, split_labelled
from whyframe_training.training_run import TrainingRun, open_run
from whyframe_training.validate import Validation

LABELS = "labels.txt"
JOINT = "joint.json"


@dataclass(frozen=True)
class JointValidation(Validation):
    """Faithfulness of the mask predictor, and accuracy of the classifier, on the same images.

    Attributes:
        accuracy: Accuracy of the trained classifier.
    """

    accuracy: Accuracy

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values, NaN as None."""
        return {**super().to_dict(), "accuracy": self.accuracy.to_dict()}

    def __str__(self) -> str:
        """Return a report: faithfulness, and the accuracy."""
        low, high = self.accuracy.interval()
        return (
            f"{super().__str__()}\naccuracy {self.accuracy.percent:.1f} % of {self.accuracy.count} images "
            f"(95 % interval {low:.1f} to {high:.1f})"
        )


def train_joint(
    config: TrainConfig, classes: str | Path | None, folder: str | Path, *, progress: bool = False
) -> JointValidation:
    """Train a classifier and its mask predictor at once in a run folder, or continue, and validate both.

    Writes the files of `whyframe_training.train` and `classifier.safetensors`, `labels.txt` (both are named by the
    run's `config.json` as its classifier) and `joint.json` (the classifier and the classes that the run started from).

    Args:
        config: Settings of the run; training starts from its classifier.
        classes: CSV file with columns `file` and `class`; None where the sub-folders of the data are the classes.
        folder: Run folder; made where it is missing. Its run must have the same settings.
        progress: Show progress bars on stderr.

    Returns:
        Faithfulness of the predictor, and of the class activation map where the classifier has one; accuracy of the
        classifier.

    Raises:
        RunError: The folder holds a run with other settings, or cannot be made; or `config.start_from` is given.
        DataError: There are no images, an image has no class, there are fewer than two classes, or the split leaves
            a class without training images or the validation without labelled images.
        ClassifierError: The classifier cannot be built, or has no linear layer.
    """
    run = JointRun(config, None if classes is None else Path(classes), Path(folder))
    result = run.train(progress=progress)
    assert isinstance(result, JointValidation)
    return result


class JointRun(TrainingRun):
    """A joint training run, ready to train: its folder is locked, and its trainer has the state of the last checkpoint.

    Args:
        config: Settings of the run; training starts from its classifier.
        classes: CSV file with columns `file` and `class`; None where the sub-folders of the data are the classes.
        folder: Run folder; made where it is missing. A new folder is removed again where a `WhyframeError` is raised.

    Raises:
        RunError: The folder holds a run with other settings, or cannot be made; or `config.start_from` is given.
        DataError: There are no images, an image has no class, there are fewer than two classes, or the split leaves
            a class without training images or the validation without labelled images.
        ClassifierError: The classifier cannot be built, or has no linear layer.
    """

    trainer: JointTrainer

    def __init__(self, config: TrainConfig, classes: Path | None, folder: Path) -> None:
        labelled = read_labelled(config.data, classes)
        train, self._labelled = split_labelled(config.data, labelled, config.validation)
        self.held_out = list(self._labelled.paths)
        count = len(list_images(config.data))
        self.scaled_down = config.validation is None and validation_count(count) < DEFAULT_VALIDATION
        if config.validation is None:
            config = dataclasses.replace(config, validation=validation_count(count))
        with locked_new_folder(folder) as self._lock:
            self.trainer = JointTrainer(prepare(config, classes, labelled.labels, folder), train, folder)

    def describe(self) -> str:
        """Return lines on the classifier, the images and the device, the network's input, and its outputs."""
        classifier = self.trainer.classifier
        return self._description(f"{classifier.name} with {len(classifier.labels)} classes")

    def measure(self, classifier: Classifier, *, progress: bool = False) -> JointValidation:
        """Return faithfulness and accuracy of the last checkpoint on the validation images.

        Args:
            classifier: Trained classifier, in float32 on the CPU; moved to the run's device.
            progress: Show a progress bar on stderr.
        """
        result = super().measure(classifier, progress=progress)
        accuracy = measure_accuracy(classifier, self._labelled, self.trainer.device)
        return JointValidation(result.files, result.scores, accuracy)


def prepare(config: TrainConfig, classes: Path | None, labels: tuple[str, ...], folder: Path) -> TrainConfig:
    """Make the folder of a joint run with its labels and starting weights, or check that it holds the same run.

    Args:
        config: Settings of the run; training starts from its classifier.
        classes: CSV file that names the classes of the images, or None.
        labels: Labels of the classes.
        folder: Run folder.

    Returns:
        The settings of the run, with the classifier in the folder.

    Raises:
        RunError: The folder holds a run with other settings, or cannot be made; or `config.start_from` is given.
        ClassifierError: The classifier cannot be built, or has no linear layer.
    """
    if config.start_from is not None:
        raise RunError("a joint run trains its predictor from the start: leave out --start-from")
    start = config.classifier
    spec = dataclasses.replace(start, weights=str(folder / CLASSIFIER), labels=str(folder / LABELS))
    own = dataclasses.replace(config, classifier=spec)
    open_run(folder, own)
    _open_origin(folder / JOINT, start, classes, labels)
    atomic_write(folder / LABELS, "".join(f"{label}\n" for label in labels).encode())
    if not (folder / CLASSIFIER).exists():
        network = starting_network(start, labels, folder / LABELS, config.seed)
        save_weights(network.state_dict(), folder / CLASSIFIER)
    return own


def _open_origin(path: Path, start: ClassifierSpec, classes: Path | None, labels: tuple[str, ...]) -> None:
    """Write the classifier and classes that the run starts from, or check that they equal those of the file."""
    origin = {
        "classifier": dataclasses.asdict(start),
        "classes": None if classes is None else str(classes),
        "labels": list(labels),
    }
    text = json_text(origin, indent=2) + "\n"
    if not path.exists():
        atomic_write(path, text.encode())
    elif path.read_text(encoding="utf-8") != text:
        raise RunError(
            f"{path.parent} holds a joint run with another classifier or other classes: choose another folder"
        )
