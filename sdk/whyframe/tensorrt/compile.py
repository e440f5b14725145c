"""Compilation of a fused ONNX file to an engine file: three engines, each built in a subprocess."""

from __future__ import annotations

from whyframe.errors import BackendError
from whyframe.manifest import Manifest
from whyframe.modelfile import keep_outputs
from whyframe.native.kernels import Kernels
from whyframe.tensorrt.api import TensorRT, dotted
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.enginefile import Batch, EngineFile
from whyframe.tensorrt.worker import build_in_subprocess

__all__ = ["REFINE_BATCH", "compile_model"]

REFINE_BATCH = 32
"""Frames that the refinement classifies in one call."""


def compile_model(model: bytes, manifest: Manifest, options: BuildOptions, trt: TensorRT) -> EngineFile:
    """Build the engines of the fused graph, of the classifier, and of the classifier for the refinement.

    Args:
        model: Content of the fused ONNX file.
        manifest: Manifest of the model.
        options: Options of the build.
        trt: TensorRT that builds the engines.

    Raises:
        BackendError: This TensorRT or this model does not support an option, or a build failed; with TensorRT's
            own message.
    """
    _check_targets(options, trt)
    _check_plugin(options, manifest)
    batch = _batch(options, manifest)
    refine_batch = batch if manifest.batch else (REFINE_BATCH,) * 3
    classifier = keep_outputs(model, ("probabilities",))
    return EngineFile(
        manifest=manifest,
        builder=trt.name,
        builder_version=trt.version,
        compute_capabilities=options.compute_capabilities,
        batch=batch,
        refine_batch=refine_batch,
        plugin=options.plugin,
        explainer=build_in_subprocess(model, batch, options, trt),
        classifier=build_in_subprocess(classifier, batch, options, trt),
        refine_classifier=build_in_subprocess(classifier, refine_batch, options, trt),
    )


def _check_plugin(options: BuildOptions, manifest: Manifest) -> None:
    name = manifest.controller["name"]
    if options.plugin and name not in Kernels.MODES:
        raise BackendError(
            f"the controller {name!r} has no CUDA kernel (only {', '.join(Kernels.MODES)} have one); compile without "
            "--plugin."
        )


def _check_targets(options: BuildOptions, trt: TensorRT) -> None:
    if not trt.targets:
        if len(options.compute_capabilities) != 1:
            raise BackendError(
                f"{trt} compiles only for the GPU of the machine it runs on; give that GPU alone, or compile for other "
                "GPUs with --flavour tensorrt_rtx."
            )
        return
    unknown = [dotted(gpu) for gpu in options.compute_capabilities if gpu not in trt.targets]
    if unknown:
        raise BackendError(
            f"{trt} does not compile for compute capability {', '.join(unknown)}; choose among "
            f"{', '.join(map(dotted, trt.targets))}, or use full TensorRT on a machine with that GPU."
        )


def _batch(options: BuildOptions, manifest: Manifest) -> Batch:
    if manifest.batch is None:
        return options.batch or (1, 1, 1)
    fixed = (manifest.batch,) * 3
    if options.batch not in (None, fixed):
        raise BackendError(
            f"the model's batch is fixed at {manifest.batch}; leave the batch out, or export with --batch 0."
        )
    return fixed
