"""From a run folder, or from a classifier alone, to one ONNX file that has passed its parity check."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from whyframe import Manifest, __version__
from whyframe.files import atomic_write
from whyframe.preprocess import read_image, to_input
from whyframe_export.calibration_images import bundled_crops
from whyframe_export.fused import FusedClassifier
from whyframe_export.graph import fused_graph
from whyframe_export.parity import MINIMUM_IMAGES, ParityError, ParityReport, check_parity
from whyframe_export.precision import PrecisionError, compare_precisions, to_fp16
from whyframe_training.checkpoint import CONFIG, load_predictor
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec, build_classifier
from whyframe_training.config import TrainConfig
from whyframe_training.data import list_images, split
from whyframe_training.joint.joint_run import JOINT
from whyframe_training.predictor.mask_predictor import ClassActivationMap, MaskPredictor


@dataclass(frozen=True)
class ExportSource:
    """What is fused and written.

    Attributes:
        classifier: in float32 on the CPU.
        explainer: the mask predictor or the class activation map.
        manifest: without its digest.
        images: files for the parity check; fewer than 50 means the bundled pictures.
    """

    classifier: Classifier
    explainer: MaskPredictor | ClassActivationMap
    manifest: Manifest
    images: tuple[Path, ...]


def trained_product(folder: Path, resize: str, batch: int | None) -> ExportSource:
    """What a run folder holds.

    Raises:
        RunError: no run, or no checkpoint in it.
    """
    config = TrainConfig.load(folder / CONFIG)
    classifier = build_classifier(config.classifier)
    predictor, steps = load_predictor(folder, config, classifier)
    manifest = Manifest(
        labels=classifier.labels,
        side=classifier.side,
        mask_side=_mask_side(classifier, predictor),
        resize=resize,
        explainer="mask-predictor",
        controller=predictor.controller.to_dict(),
        classifier=classifier.name,
        generator="-".join(map(str, (predictor.generator.name, *predictor.generator.widths))),
        batch=batch,
        training=_provenance(config, folder, steps),
        whyframe_version=__version__,
    )
    return ExportSource(classifier, predictor, manifest, _held_out(config))


def cam_product(spec: ClassifierSpec, resize: str, batch: int | None) -> ExportSource:
    """A classifier with its class activation map: nothing to train.

    Raises:
        ClassifierError: it does not end in pooling and one linear layer.
    """
    classifier = build_classifier(spec)
    cam = ClassActivationMap(classifier)
    manifest = Manifest(
        labels=classifier.labels,
        side=classifier.side,
        mask_side=_mask_side(classifier, cam),
        resize=resize,
        explainer="cam",
        controller=cam.controller.to_dict(),
        classifier=classifier.name,
        batch=batch,
        whyframe_version=__version__,
    )
    return ExportSource(classifier, cam, manifest, ())


def export(
    product: ExportSource, path: Path, step: Callable[[str], None] = lambda _: None, precision: str = "fp32"
) -> ParityReport:
    """Writes the fused ONNX file and, beside it, its parity report; writes no model where parity fails.

    Args:
        product: what to fuse.
        path: the `.onnx` file.
        step: told what happens next.
        precision: ``"fp32"`` or ``"fp16"``. The float16 graph is made of the float32 one, and compared with it.

    Raises:
        ParityError: PyTorch and ONNX Runtime differ by more than the threshold; the report is in its message.
        PrecisionError: float16 cannot hold the graph, or differs by too much.
        OutputError: the file cannot be written.
    """
    fused = FusedClassifier(product.classifier, product.explainer).eval()
    step("tracing the fused graph")
    model = fused_graph(fused, product.manifest.side, product.manifest.controller, product.manifest.batch)
    step("comparing with PyTorch")
    frames, files = parity_frames(product)
    report = check_parity(model.SerializeToString(), fused, product.explainer.controller, frames, files)
    if not report.passes():
        raise ParityError(
            f"the ONNX graph differs from PyTorch, nothing was written: {json.dumps(report.to_dict())}"
        )
    facts = report.to_dict()
    if precision == "fp16":
        step("converting to fp16, comparing with fp32")
        model, facts["fp16"] = _in_half(model, frames)
    step("writing")
    dataclasses.replace(product.manifest, precision=precision).write(model, path)
    atomic_write(path.with_suffix(".parity.json"), json.dumps(facts, indent=1).encode() + b"\n")
    return report


def _in_half(model: onnx.ModelProto, frames: NDArray[np.uint8]) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """The float16 graph, and how it compares."""
    half = to_fp16(model)
    report = compare_precisions(model.SerializeToString(), half.SerializeToString(), frames)
    if not report.passes():
        raise PrecisionError(f"fp16 differs from fp32, nothing was written: {json.dumps(report.to_dict())}")
    return half, report.to_dict()


def parity_frames(product: ExportSource) -> tuple[NDArray[np.uint8], list[str]]:
    """N x S x S x 3 RGB frames to compare on: the run's validation images, else crops of the bundled pictures."""
    side = product.manifest.side
    if len(product.images) < MINIMUM_IMAGES:
        return bundled_crops(side, MINIMUM_IMAGES)
    chosen = product.images[:MINIMUM_IMAGES]
    frames = np.stack([to_input(read_image(path), side, product.manifest.resize) for path in chosen])
    return frames, [path.name for path in chosen]


def _mask_side(classifier: Classifier, explainer: nn.Module) -> int:
    with torch.no_grad():
        seen = classifier(torch.zeros(1, 3, classifier.side, classifier.side))
        return explainer(seen.stages, torch.zeros(1, dtype=torch.int64)).shape[-1]


def _held_out(config: TrainConfig) -> tuple[Path, ...]:
    if not Path(config.data).is_dir():
        return ()
    return tuple(split(list_images(config.data), config.validation)[1])


def _steps_behind(config: TrainConfig) -> int:
    """Steps of the run that this one started from, where that run is still there."""
    if config.start_from is None:
        return 0
    earlier = Path(config.start_from)
    return load_predictor(earlier, config, build_classifier(config.classifier))[1]


def _provenance(config: TrainConfig, folder: Path, steps: int) -> dict[str, Any]:
    """What was trained on and how, without this machine's paths."""
    facts: dict[str, Any] = {
        "data": Path(config.data).name,
        "steps": steps,
        "batch": config.batch,
        "learning_rate": config.learning_rate,
        "predicted_share": config.predicted_share,
        "objective": dataclasses.asdict(config.objective),
        "classifier_trained_too": (folder / JOINT).exists(),
        "anchor": config.anchor,
        "spread": config.spread,
        "started_from_steps": _steps_behind(config),
        "seed": config.seed,
        "precision": config.precision,
        "validation_images": config.validation,
    }
    validation = folder / "validation.json"
    if validation.exists():
        measured = json.loads(validation.read_text(encoding="utf-8"))
        facts["validation"] = {k: v for k, v in measured.items() if k not in ("files", "scores")}
    return facts
