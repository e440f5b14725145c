"""The front door: frames in, explanations out."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterator, Sequence
from importlib import resources
from types import TracebackType
from typing import Any

import numpy as np

from whyframe.backends import Backend, open_backend
from whyframe.errors import FrameValueError, ModelError, TargetError
from whyframe.explanation import Explanation
from whyframe.manifest import Manifest
from whyframe.modelfile import ENGINE_MAGIC, read_model
from whyframe.pipeline import FrameOutput

__all__ = ["ExplainEngine"]

_BUNDLED = "efficientnet_lite0_ct.onnx"
_PREDICTED = -1

Target = str | int | None


class ExplainEngine:
    """Explains frames with one fused model: classifier, mask predictor and controller in one forward pass.

    An engine is for one thread; `clone` gives another that shares the weights.

    Args:
        model: The fused ONNX file, or an engine that `whyframe compile` made of it; None for the bundled
            EfficientNet-Lite0.
        backend: ``"auto"``, ``"onnxruntime"`` or ``"tensorrt"``, which compiles an ONNX file the first time and
            keeps the engine. One that is named is used or refused, never replaced.
        device: ``"cpu"``, or ``"cuda:N"``; None for the CPU, with TensorRT for the first GPU.
        threads: CPU threads inside one call; None takes the cores this process may use.

    Raises:
        ModelError: The file is missing or damaged, or does not keep the graph contract.
        ManifestError: It has no manifest, or one of a newer schema.
        BackendError: The backend or the device cannot be used here.

    Example:
        >>> with ExplainEngine() as engine:
        ...     result = engine.run(cv2.imread("photo.jpg"))
        ...     print(result.label, result.probability)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        backend: str = "auto",
        device: str | None = None,
        threads: int | None = None,
    ) -> None:
        data, name = _read(model)
        self._manifest = _read_manifest(data, name)
        self._backend = open_backend(backend, data, device, threads)
        _check_model(self._manifest, self._backend, name)
        self._pipeline = self._backend.pipeline(self._manifest)

    @property
    def manifest(self) -> Manifest:
        """What the model says of itself."""
        return self._manifest

    @property
    def backend_name(self) -> str:
        """Name of the backend in use, for example ``"onnxruntime"``."""
        return self._backend.name

    @property
    def backend_reason(self) -> str:
        """Why this backend was chosen."""
        return self._backend.reason

    @property
    def backend_object(self) -> Backend:
        """The loaded backend, which takes frames of the model's own size; for benchmarks and metrics."""
        return self._backend

    @property
    def backend(self) -> str:
        """Deprecated name of ``backend_name``."""
        _warn_deprecated("backend", "backend_name")
        return self.backend_name

    @property
    def runtime(self) -> Backend:
        """Deprecated name of ``backend_object``."""
        _warn_deprecated("runtime", "backend_object")
        return self.backend_object

    def run(self, frame: Any, *, target: Target = None, refine: int = 0, color: str = "bgr") -> Explanation:
        """Explains one frame.

        Args:
            frame: H x W x 3 uint8, BGR as OpenCV gives it; or a PIL image; or the path of an image file.
            target: The class to explain, by name or id; None for the predicted one.
            refine: K > 0 tunes the map post hoc (section 3.2.1) with K more classified frames, in one batch.
            color: ``"rgb"`` where the array is in that order.

        Returns:
            The explanation. Later calls do not change it.

        Raises:
            FrameError: The frame cannot be explained; the message says why and what to do.
            SourceError: The path is not that of an image.
            TargetError: The model has no such class.
        """
        return self._explain([frame], [target], refine, color)[0]

    def run_batch(
        self,
        frames: Sequence[Any],
        *,
        target: Target | list[Target] | tuple[Target, ...] = None,
        refine: int = 0,
        color: str = "bgr",
    ) -> list[Explanation]:
        """Explains several frames, of any sizes, in one call of the graph.

        Args:
            frames: As for `run`, each.
            target: One class for all of them, or a list with one for each frame.
            refine: As for `run`; one more batch for each frame.
            color: As for `run`.

        Returns:
            One explanation a frame, in order; ``index`` is the position.

        Raises:
            FrameError: A frame cannot be explained.
            TargetError: The model has no such class, or there are not as many targets as frames.
        """
        frames = list(frames)
        targets = list(target) if isinstance(target, (list, tuple)) else [target] * len(frames)
        if len(targets) != len(frames):
            raise TargetError(
                f"there are {len(targets)} targets for {len(frames)} frames; give one, or one a frame."
            )
        return self._explain(frames, targets, refine, color) if frames else []

    def stream(
        self, source: Any, *, target: Target = None, refine: int = 0, **options: Any
    ) -> Iterator[Explanation]:
        """Explains a video, a folder, a camera or an address, frame by frame; see `whyframe.video.stream`."""
        from whyframe.video.stream import stream_explanations

        return stream_explanations(self, source, target=target, refine=refine, **options)

    def prefetch(self, frame: Any, *, color: str = "bgr") -> None:
        """Starts moving a frame to the GPU while another is explained, for the `run` that follows with it.

        `stream` does so by itself. On the CPU there is nothing to move, and nothing happens.

        Args:
            frame: As for `run`; the same object must be given to `run` next, unchanged.
            color: As for `run`.

        Raises:
            FrameError: The frame cannot be explained.
        """
        self._pipeline.prefetch(frame, color)

    def class_id(self, target: str | int) -> int:
        """The id of a class given by name or id, as ``target=`` takes it.

        Raises:
            TargetError: The model has no such class.
        """
        return self._manifest.class_id(target)

    def clone(self) -> ExplainEngine:
        """Another engine for another thread; the weights are shared."""
        return self._with(self._backend.clone())

    def workers(self) -> list[ExplainEngine]:
        """Engines that, each in a thread of its own, together carry the most frames; close each after use."""
        return [self._with(backend) for backend in self._backend.workers()]

    def _with(self, backend: Backend) -> ExplainEngine:
        twin = copy.copy(self)
        twin._backend = backend
        twin._pipeline = backend.pipeline(self._manifest)
        return twin

    def close(self) -> None:
        """Lets go of the model. Results and clones stay valid."""
        self._pipeline.close()
        self._backend.close()

    def __enter__(self) -> ExplainEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _explain(
        self, frames: list[Any], targets: list[Target], refine: int, color: str
    ) -> list[Explanation]:
        if refine < 0:
            raise FrameValueError(f"refine is {refine}; give 0 for none, or a number of steps such as 32.")
        ids = np.array([_PREDICTED if one is None else self.class_id(one) for one in targets], np.int64)
        looks = self._pipeline.explain(frames, ids, refine, color)
        return [self._result(look, index) for index, look in enumerate(looks)]

    def _result(self, look: FrameOutput, index: int) -> Explanation:
        if not np.isfinite(look.probabilities).all():
            raise ModelError("the model gave a probability that is not a number; export it again in float32.")
        return Explanation(
            frame=look.frame,
            class_id=look.class_id,
            label=self._manifest.labels[look.class_id],
            probability=float(look.probabilities[look.class_id]),
            probabilities=look.probabilities,
            scores=look.scores,
            timings=look.timings,
            manifest=self._manifest,
            index=index,
        )


def _warn_deprecated(old: str, new: str) -> None:
    warnings.warn(f"ExplainEngine.{old} is deprecated; use {new}.", DeprecationWarning, stacklevel=3)


def _read(model: str | os.PathLike[str] | None) -> tuple[bytes, str]:
    """A model file's content, and its name for messages."""
    if model is not None:
        return read_model(model), str(model)
    try:
        return resources.files("whyframe").joinpath("models").joinpath(_BUNDLED).read_bytes(), _BUNDLED
    except FileNotFoundError as error:
        raise ModelError(
            f"this installation carries no {_BUNDLED}; give a model file with model=."
        ) from error


def _read_manifest(data: bytes, name: str) -> Manifest:
    if data.startswith(ENGINE_MAGIC):
        from whyframe.tensorrt.enginefile import EngineFile

        return EngineFile.read(data).manifest
    return Manifest.of_model(data, name)


def _check_model(manifest: Manifest, backend: Backend, name: str) -> None:
    """Runs the model once, which also warms it up, and compares what it gives with its manifest."""
    blank = np.zeros((backend.batch or 1, backend.side, backend.side, 3), np.uint8)
    probabilities, _, masks = backend.explain(blank, np.full(len(blank), _PREDICTED, np.int64))
    for what, says, has in (
        ("a side of", manifest.side, backend.side),
        ("a batch of", manifest.batch, backend.batch),
        ("labels for classes numbering", len(manifest.labels), probabilities.shape[1]),
        ("a mask height of", manifest.mask_side, masks.shape[1]),
        ("a mask width of", manifest.mask_side, masks.shape[2]),
    ):
        if says != has:
            raise ModelError(
                f"the manifest of {name} says {what} {says} and its graph has {has}; export it again."
            )
