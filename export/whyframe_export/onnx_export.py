"""Export of a classifier and its explainer to one ONNX file that agrees with PyTorch."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from whyframe.errors import OutputError, WhyframeError
from whyframe.files import atomic_write, json_text
from whyframe.preprocess import as_image, to_input
from whyframe.progress import progress_bar
from whyframe_export.bundled_images import bundled_crops
from whyframe_export.export_source import ExportSource, trained_source, training_free_source
from whyframe_export.fused import FusedClassifier
from whyframe_export.graph import fused_graph
from whyframe_export.parity import MINIMUM_IMAGES, ParityError, ParityReport, check_parity
from whyframe_export.precision import PrecisionError, compare_precisions, to_fp16
from whyframe_export.thresholds import Thresholds
from whyframe_training.classifiers.classifier import ClassifierSpec

TRAINING_FREE = ("cam", "forward", "auto")
"""Values of `explainer` that need a classifier instead of a run folder."""


def export(
    source: str | os.PathLike[str] | ClassifierSpec,
    output: str | os.PathLike[str],
    *,
    explainer: str = "predictor",
    resize: Mapping[str, Any] | None = None,
    batch: int | None = None,
    precision: str = "fp32",
    thresholds: Thresholds | None = None,
    trust: bool = False,
    progress: bool = False,
) -> ParityReport:
    """Fuse a classifier and its explainer into one ONNX file.

    The graph is compared with PyTorch on 50 images and four targets for each before it is written. The report is
    written beside the model, as ``<output stem>.parity.json``.

    Args:
        source: Run folder that `whyframe train` wrote, for a trained mask predictor. For another explainer,
            the classifier: its specification, or its name as in `whyframe train --classifier`.
        output: The ``.onnx`` file to write.
        explainer: ``"predictor"`` for the trained mask predictor; ``"cam"`` for the class activation map;
            ``"forward"`` for the forward map of any network; ``"auto"`` for ``"cam"`` where the network allows it, and
            otherwise ``"forward"``.
        resize: Fields of the `ResizeRule` that replace those of the classifier's own rule.
        batch: Fixed batch size of the graph; None for a graph that takes any.
        precision: Number format of most of the graph. With ``"fp16"`` the float32 graph is converted, and the two
            are compared as well.
        thresholds: Probability from which a label of a multi-label classifier is present: a number for all labels, a
            number for each, or numbers by label; 0.5 where there is none.
        trust: Execute the Python file that a run folder from elsewhere names as its classifier.
        progress: Show a progress bar on stderr.

    Returns:
        The comparison with PyTorch.

    Raises:
        UntrustedCode: A run folder from elsewhere names a Python file; see `whyframe_training.code_trust`.
        WhyframeError: `source` is not what `explainer` needs, or the thresholds do not fit the labels.
        OutputError: `output` cannot be written.
        RunError: The folder holds no run, or no checkpoint that fits its settings.
        ClassifierError: The classifier cannot be built, or has no such map.
        ExportError: PyTorch cannot export the network.
        ParityError: The graph and PyTorch differ by more than the threshold; nothing was written.
        PrecisionError: float16 cannot represent the graph, or differs from float32 by too much; nothing was written.
    """
    path = check_output(output)
    prepared = open_source(source, explainer, resize=resize, batch=batch, trust=trust)
    prepared = prepared.with_thresholds(thresholds)
    return write_fused_model(prepared, path, precision=precision, progress=progress)


def check_output(output: str | os.PathLike[str]) -> Path:
    """Return the path of a model to write.

    Raises:
        OutputError: It does not end in .onnx, or its folder does not exist.
    """
    path = Path(output)
    if path.suffix != ".onnx" or not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: give a file name that ends in .onnx in an existing folder")
    return path


def write_fused_model(
    source: ExportSource, path: Path, *, precision: str = "fp32", progress: bool = False
) -> ParityReport:
    """Write the fused ONNX file and its parity report; see `export` for what is checked.

    Args:
        source: Classifier, explainer and manifest.
        path: The ``.onnx`` file.
        precision: ``"fp32"`` or ``"fp16"``.
        progress: Show a progress bar on stderr.

    Returns:
        The comparison with PyTorch.

    Raises:
        ExportError: PyTorch cannot export the network.
        ParityError: The graph and PyTorch differ by more than the threshold; nothing was written.
        PrecisionError: float16 cannot represent the graph, or differs from float32 by too much; nothing was written.
    """
    manifest = dataclasses.replace(source.manifest, precision=precision)
    with progress_bar("export", 4 if precision == "fp16" else 3, hidden=not progress) as bar:
        bar.advance("tracing the fused graph", steps=0)
        fused = FusedClassifier(source.classifier, source.explainer).eval()
        model = fused_graph(fused, manifest.input, manifest.controller, manifest.batch)
        bar.advance("comparing with PyTorch")
        frames, files = _parity_frames(source)
        report = _checked(model, fused, source, frames, files)
        facts = report.to_dict()
        if precision == "fp16":
            bar.advance("converting to fp16 and comparing with fp32")
            model, facts["fp16"] = _in_fp16(model, frames)
        bar.advance("writing")
        manifest.write(model, path)
        atomic_write(path.with_suffix(".parity.json"), json_text(facts, indent=1).encode() + b"\n")
    return report


def open_source(
    source: str | os.PathLike[str] | ClassifierSpec,
    explainer: str,
    *,
    resize: Mapping[str, Any] | None = None,
    batch: int | None = None,
    trust: bool = False,
) -> ExportSource:
    """Return the classifier, the explainer and the manifest of an export; see `export` for the arguments.

    Raises:
        WhyframeError: `source` is not what `explainer` needs, or cannot be read or built.
    """
    if explainer == "predictor" and not isinstance(source, ClassifierSpec):
        return trained_source(Path(source), resize=resize, batch=batch, trust=trust)
    if explainer in TRAINING_FREE and isinstance(source, (str, ClassifierSpec)):
        spec = ClassifierSpec(source) if isinstance(source, str) else source
        return training_free_source(spec, explainer, resize=resize, batch=batch)
    raise WhyframeError(
        "to export a trained mask predictor, give its run folder; to export a map without training, "
        "choose the explainer cam, forward or auto and give a classifier instead of a run folder"
    )


def _checked(
    model: onnx.ModelProto,
    fused: FusedClassifier,
    source: ExportSource,
    frames: NDArray[np.uint8],
    files: list[str],
) -> ParityReport:
    """Return the comparison with PyTorch where it passes."""
    report = check_parity(model.SerializeToString(), fused, source.explainer.controller, frames, files)
    if not report.passes():
        raise ParityError(
            f"the ONNX graph differs from PyTorch, nothing was written: {json_text(report.to_dict())}"
        )
    return report


def _in_fp16(model: onnx.ModelProto, frames: NDArray[np.uint8]) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """Return the graph in float16 and its comparison with the float32 graph."""
    half = to_fp16(model)
    report = compare_precisions(model.SerializeToString(), half.SerializeToString(), frames)
    if not report.passes():
        raise PrecisionError(f"fp16 differs from fp32, nothing was written: {json_text(report.to_dict())}")
    return half, report.to_dict()


def _parity_frames(source: ExportSource) -> tuple[NDArray[np.uint8], list[str]]:
    """Return the frames of the parity check, N x S x S x 3 uint8 RGB, and their N names."""
    spec = source.manifest.input
    if len(source.images) < MINIMUM_IMAGES:
        return bundled_crops(spec, MINIMUM_IMAGES)
    chosen = source.images[:MINIMUM_IMAGES]
    frames = np.stack([to_input(as_image(path, "bgr", spec.channels), spec) for path in chosen])
    return frames, [path.name for path in chosen]
