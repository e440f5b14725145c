"""The classifier, explainer and manifest of an export, from a run folder or from a classifier alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from whyframe import Manifest, __version__
from whyframe_training.checkpoint import load_predictor
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec, build_classifier
from whyframe_training.classifiers.feature_taps import blank
from whyframe_training.classifiers.input_description import describe_input
from whyframe_training.config import CONFIG, TrainConfig
from whyframe_training.data import list_images, split
from whyframe_training.joint.joint_run import JOINT
from whyframe_training.predictor.mask_predictor import ClassActivationMap, MaskPredictor
from whyframe_training.training_run import VALIDATION


@dataclass(frozen=True)
class ExportSource:
    """A classifier and its explainer, ready to be fused into one graph.

    Attributes:
        classifier: The network to explain, in float32 on the CPU.
        explainer: The trained mask predictor, or the class activation map.
        manifest: Manifest of the file to write; its digest is still empty.
        images: Image files for the parity check. Crops of the bundled images take their place where there are
            fewer than 50.
        input_description: The input for people, and where each part of it is stated; see `describe_input`.
    """

    classifier: Classifier
    explainer: MaskPredictor | ClassActivationMap
    manifest: Manifest
    images: tuple[Path, ...]
    input_description: str = ""


def trained_source(
    folder: Path, *, resize: Mapping[str, Any] | None = None, batch: int | None = None
) -> ExportSource:
    """Return the classifier of a run with its trained mask predictor.

    Args:
        folder: Run folder that `whyframe train` wrote.
        resize: Fields of the `ResizeRule` that replace those of the classifier's own rule.
        batch: Fixed batch size of the graph; None for a dynamic batch size.

    Raises:
        RunError: The folder holds no run, or no checkpoint that fits its settings.
        ClassifierError: The classifier cannot be built.
    """
    config = TrainConfig.load(folder / CONFIG)
    classifier, description = _build(config.classifier, resize)
    predictor, steps = load_predictor(folder, config, classifier)
    manifest = dataclasses.replace(
        _manifest(classifier, predictor, batch),
        explainer="mask-predictor",
        generator="-".join(map(str, (predictor.generator.name, *predictor.generator.widths))),
        training=_provenance(config, folder, steps),
    )
    return ExportSource(classifier, predictor, manifest, _validation_images(config), description)


def cam_source(
    spec: ClassifierSpec, *, resize: Mapping[str, Any] | None = None, batch: int | None = None
) -> ExportSource:
    """Return a classifier with its class activation map, which needs no training.

    Args:
        spec: The classifier; its network must end in global average pooling and one linear layer.
        resize: Fields of the `ResizeRule` that replace those of the classifier's own rule.
        batch: Fixed batch size of the graph; None for a dynamic batch size.

    Raises:
        ClassifierError: The classifier cannot be built, or has no class activation map.
    """
    classifier, description = _build(spec, resize)
    cam = ClassActivationMap(classifier)
    manifest = dataclasses.replace(_manifest(classifier, cam, batch), explainer="cam")
    return ExportSource(classifier, cam, manifest, (), description)


def _build(spec: ClassifierSpec, resize: Mapping[str, Any] | None) -> tuple[Classifier, str]:
    """Return a classifier with the given fields of its resize rule replaced, and the description of its input."""
    classifier = build_classifier(spec)
    own = classifier.input.resize
    if resize:
        classifier.input = dataclasses.replace(classifier.input, resize=own.replaced(resize))
    return classifier, describe_input(spec, classifier, own if resize else None)


def _manifest(
    classifier: Classifier, explainer: MaskPredictor | ClassActivationMap, batch: int | None
) -> Manifest:
    """Return the part of the manifest that both kinds of explainer share."""
    mask_height, mask_width = _mask_size(classifier, explainer)
    return Manifest(
        labels=classifier.labels,
        input=classifier.input,
        mask_height=mask_height,
        mask_width=mask_width,
        activation=classifier.outputs.activation,
        exclusive=classifier.exclusive,
        controller=explainer.controller.to_dict(),
        classifier=classifier.name,
        batch=batch,
        whyframe_version=__version__,
    )


def _mask_size(classifier: Classifier, explainer: MaskPredictor | ClassActivationMap) -> tuple[int, int]:
    with torch.no_grad():
        features = classifier(blank(classifier.input))
        height, width = explainer(features.stages, torch.zeros(1, dtype=torch.int64)).shape[-2:]
    return height, width


def _validation_images(config: TrainConfig) -> tuple[Path, ...]:
    """Return the images that training kept for validation; none where the run's image folder is gone."""
    if not Path(config.data).is_dir():
        return ()
    return tuple(split(list_images(config.data), config.validation)[1])


def _provenance(config: TrainConfig, folder: Path, steps: int) -> dict[str, Any]:
    """Return the manifest's facts about the training, without paths of this machine."""
    facts: dict[str, Any] = {
        "data": Path(config.data).name,
        "steps": steps,
        "batch": config.batch,
        "learning_rate": config.learning_rate,
        "predicted_share": config.predicted_share,
        "objective": dataclasses.asdict(config.objective),
        "classifier_trained_too": (folder / JOINT).exists(),
        "anchor": config.cam_weight,
        "spread": config.controller_jitter,
        "started_from_steps": _steps_of_earlier_run(config),
        "seed": config.seed,
        "precision": config.precision,
        "validation_images": config.validation,
    }
    validation = folder / VALIDATION
    if validation.exists():
        measured = json.loads(validation.read_text(encoding="utf-8"))
        facts["validation"] = {k: v for k, v in measured.items() if k not in ("files", "scores")}
    return facts


def _steps_of_earlier_run(config: TrainConfig) -> int:
    """Return the steps of the run that this run started from; 0 where there is none."""
    if config.start_from is None:
        return 0
    return load_predictor(Path(config.start_from), config, build_classifier(config.classifier))[1]
