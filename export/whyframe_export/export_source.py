"""The classifier, explainer and manifest of an export, from a run folder or from a classifier alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from whyframe import Manifest, __version__
from whyframe.errors import one_line
from whyframe.json_reader import read_json
from whyframe_export.fused import FusedClassifier
from whyframe_export.thresholds import Thresholds, label_thresholds
from whyframe_training.checkpoint import load_predictor
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec, build_classifier
from whyframe_training.classifiers.feature_taps import blank
from whyframe_training.classifiers.input_description import describe_input
from whyframe_training.code_trust import check_code
from whyframe_training.config import CONFIG, RunError, TrainConfig
from whyframe_training.data import list_images, split
from whyframe_training.joint.joint_run import JOINT
from whyframe_training.predictor.class_activation_map import ClassActivationMap
from whyframe_training.predictor.forward_map import ForwardMap
from whyframe_training.predictor.mask_predictor import MaskPredictor
from whyframe_training.training_run import VALIDATION

AnyExplainer = MaskPredictor | ClassActivationMap | ForwardMap


@dataclass(frozen=True)
class ExportSource:
    """A classifier and its explainer, ready to be fused into one graph.

    Attributes:
        classifier: The network to explain, in float32 on the CPU.
        explainer: The trained mask predictor, or an explainer without training.
        manifest: Manifest of the file to write; its digest is still empty.
        images: Image files for the parity check. Crops of the bundled images take their place where there are
            fewer than 50.
        input_description: The input for people, and where each part of it is stated; see `describe_input`.
    """

    classifier: Classifier
    explainer: AnyExplainer
    manifest: Manifest
    images: tuple[Path, ...]
    input_description: str = ""

    def with_thresholds(self, given: Thresholds | None) -> ExportSource:
        """Return the source with the thresholds of its labels in the manifest; see `label_thresholds`."""
        thresholds = label_thresholds(given, self.classifier.labels, exclusive=self.classifier.exclusive)
        return dataclasses.replace(self, manifest=dataclasses.replace(self.manifest, thresholds=thresholds))


def trained_source(
    folder: Path,
    *,
    resize: Mapping[str, Any] | None = None,
    batch: int | None = None,
    trust: bool = False,
) -> ExportSource:
    """Return the classifier of a run with its trained mask predictor.

    Args:
        folder: Run folder that `whyframe train` wrote.
        resize: Fields of the `ResizeRule` that replace those of the classifier's own rule.
        batch: Fixed batch size of the graph; None for a dynamic batch size.
        trust: Execute the Python file that a run folder from elsewhere names as its classifier.

    Raises:
        UntrustedCode: A run folder from elsewhere names a Python file; see `whyframe_training.code_trust`.
        RunError: The folder holds no run, or no checkpoint that fits its settings.
        ClassifierError: The classifier cannot be built.
    """
    config = TrainConfig.load(folder / CONFIG)
    check_code(config.classifier.name, run=folder, trust=trust)
    classifier, description = _build(config.classifier, resize)
    predictor, steps = load_predictor(folder, config, classifier)
    manifest = dataclasses.replace(
        _manifest(classifier, predictor, batch),
        explainer="mask-predictor",
        generator="-".join(map(str, (predictor.generator.name, *predictor.generator.widths))),
        training={**_provenance(config, folder, steps), "labels_from": classifier.labels_from},
    )
    return ExportSource(classifier, predictor, manifest, _validation_images(config), description)


def training_free_source(
    spec: ClassifierSpec,
    kind: str = "auto",
    *,
    resize: Mapping[str, Any] | None = None,
    batch: int | None = None,
) -> ExportSource:
    """Return a classifier with an explainer that needs no training.

    Args:
        spec: The classifier.
        kind: ``"cam"`` for the class activation map of a network that ends in global average pooling and one linear
            layer; ``"forward"`` for the forward map of any network; ``"auto"`` for the class activation map where there
            is one, and otherwise the forward map.
        resize: Fields of the `ResizeRule` that replace those of the classifier's own rule.
        batch: Fixed batch size of the graph; None for a dynamic batch size.

    Raises:
        ClassifierError: The classifier cannot be built, or has no such map.
    """
    classifier, description = _build(spec, resize)
    explainer = training_free_explainer(classifier, kind)
    name = "cam" if isinstance(explainer, ClassActivationMap) else "forward"
    manifest = dataclasses.replace(
        _manifest(classifier, explainer, batch),
        explainer=name,
        training={"labels_from": classifier.labels_from},
    )
    return ExportSource(classifier, explainer, manifest, (), description)


def training_free_explainer(classifier: Classifier, kind: str = "auto") -> ClassActivationMap | ForwardMap:
    """Return an explainer of a classifier that needs no training.

    Args:
        classifier: The network to explain.
        kind: ``"cam"``, ``"forward"`` or ``"auto"``; see `training_free_source`.

    Raises:
        ClassifierError: The network has no such map.
    """
    if kind == "cam" or (kind == "auto" and classifier.head() is not None):
        return ClassActivationMap(classifier)
    return ForwardMap(classifier)


def _build(spec: ClassifierSpec, resize: Mapping[str, Any] | None) -> tuple[Classifier, str]:
    """Return a classifier with the given fields of its resize rule replaced, and the description of its input."""
    classifier = build_classifier(spec)
    own = classifier.input.resize
    if resize:
        classifier.input = dataclasses.replace(classifier.input, resize=own.replaced(resize))
    return classifier, describe_input(spec, classifier, own if resize else None)


def _manifest(classifier: Classifier, explainer: AnyExplainer, batch: int | None) -> Manifest:
    """Return the part of the manifest that all kinds of explainer share."""
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


def _mask_size(classifier: Classifier, explainer: AnyExplainer) -> tuple[int, int]:
    frames = blank(classifier.input).permute(0, 2, 3, 1).to(torch.uint8)
    with torch.no_grad():
        _, _, logit_map = FusedClassifier(classifier, explainer)(frames, torch.zeros(1, dtype=torch.int64))
    return logit_map.shape[-2], logit_map.shape[-1]


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
        facts["validation"] = _measured(validation)
    return facts


def _measured(path: Path) -> dict[str, Any]:
    """Return what the validation of a run measured, without its images."""
    try:
        measured = read_json(path)
        return {key: value for key, value in measured.items() if key not in ("files", "scores")}
    except (OSError, ValueError, AttributeError) as error:
        raise RunError(
            f"{path} is damaged ({one_line(error)}): delete it and validate the run again"
        ) from error


def _steps_of_earlier_run(config: TrainConfig) -> int:
    """Return the steps of the run that this run started from; 0 where there is none."""
    if config.start_from is None:
        return 0
    return load_predictor(Path(config.start_from), config, build_classifier(config.classifier))[1]
