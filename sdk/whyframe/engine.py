"""The engine that explains frames with a fused model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Any, NoReturn, SupportsIndex

import numpy as np

from whyframe.backends import Backend, open_backend
from whyframe.contrast import contrast_outputs
from whyframe.errors import CopyError, FrameValueError
from whyframe.explanation import Explanation
from whyframe.image_options import ImageOptions
from whyframe.manifest import Manifest
from whyframe.model_check import check_model
from whyframe.model_content import read_content, read_manifest
from whyframe.output_check import check_answer
from whyframe.pipeline import FrameOutput
from whyframe.targets import Target, resolve_target, targets_of_batch

__all__ = ["ExplainEngine"]

_PREDICTED = -1


class ExplainEngine:
    """A fused model that explains frames: classifier, mask predictor and controller in one forward pass.

    An engine must be used by one thread at a time; `clone` returns another engine that shares the weights.

    Args:
        model: Path of a fused ONNX file, or of the compiled engine that `whyframe compile` made from it; None for
            the bundled EfficientNet-Lite0.
        backend: ``"auto"``, ``"onnxruntime"`` or ``"tensorrt"``. TensorRT compiles an ONNX file at the first use
            and keeps the compiled engine. A backend given by name is never replaced by another: if it cannot be
            used, an error is raised.
        device: ``"cpu"`` or ``"cuda:N"``; None for the CPU or, with TensorRT, for the first GPU.
        threads: Number of CPU threads of one call; None for all cores that this process may use.
        matte: Colour behind transparent pixels of images: a name, ``"#rrggbb"``, or red, green and blue in [0, 255].
        max_megapixels: Largest size of an image in megapixels; None for WHYFRAME_MAX_MEGAPIXELS, or 100.

    Raises:
        OptionError: The matte is no colour, or the limit no positive number.
        ModelError: The file is missing or damaged, or breaks the graph contract.
        ManifestError: The file has no manifest, or a manifest with a newer schema.
        BackendError: The backend or the device cannot be used on this machine.

    Examples:
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
        matte: str | tuple[int, int, int] = "white",
        max_megapixels: float | None = None,
    ) -> None:
        images = ImageOptions(matte, max_megapixels)  # a mistake is told before the model is read
        data, name = read_content(model)
        self._manifest = read_manifest(data, name)
        self._backend = open_backend(backend, data, device, threads)
        check_model(self._manifest, self._backend, name)
        self._pipeline = self._backend.pipeline(self._manifest)
        self._pipeline.image_options = replace(images, alpha=self._manifest.input.channels == 4)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the model: labels, sizes, resize rule, provenance."""
        return self._manifest

    @property
    def image_options(self) -> ImageOptions:
        """How image files, Pillow images and frames with alpha are read."""
        return self._pipeline.image_options

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
        """Explain one frame.

        Args:
            frame: H x W x 3 (or 4, alpha last) uint8 array, BGR as in OpenCV; a PIL image; or the path of an image.
            target: Name or id of the class to explain; None for the predicted class; or a pair such as
                ``("cat", "dog")``, to explain the first class against the second.
            refine: Steps of post-hoc refinement (Fu et al. 2022, section 3.2.1); each step classifies one
                perturbed frame, all in one batch. 0 for none.
            color: Channel order of an array, ``"bgr"`` or ``"rgb"``; not used for images and files.

        Returns:
            The explanation. Later calls do not change it.

        Raises:
            FrameError: The frame cannot be explained; the message says why and what to do.
            SourceError: The path is not the path of an image.
            TargetError: The model has no such class, or the two classes of a pair are the same.
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
        """Explain several frames of any sizes in one call of the model.

        Args:
            frames: N frames, each as for `run`.
            target: One target for all frames, or a list of N targets, each as for `run`; see
                `whyframe.targets.targets_of_batch` for tuples.
            refine: As for `run`; the perturbed frames of each frame are a separate batch.
            color: As for `run`.

        Returns:
            N explanations in the order of the frames; ``index`` is the position.

        Raises:
            FrameError: A frame cannot be explained.
            SourceError: A path is not the path of an image.
            TargetError: The model has no such class, or the number of targets is not the number of frames.
        """
        frames = list(frames)
        targets = targets_of_batch(target, len(frames))
        return self._explain(frames, targets, refine, color) if frames else []

    def stream(
        self, source: Any, *, target: Target = None, refine: int = 0, reconnect: bool | float = False
    ) -> Iterator[Explanation]:
        """Explain the frames of a video, a folder of images, a camera or a URL while they are read.

        Decoding, explaining and the caller's own work overlap; see `whyframe.video.stream.stream_explanations`.

        Args:
            source: Path of a video, an image or a folder of images; number of a camera; or URL of a stream.
            target: As for `run`; None for the predicted class of each frame.
            refine: As for `run`.
            reconnect: Whether a lost live source is connected again, or the seconds to try (True is 300).

        Returns:
            An iterator over the explanations, with ``index`` and ``timestamp``. Every frame of a file or a folder is
            explained, in order; a live source drops frames if the caller is too slow.

        Raises:
            SourceError: The source cannot be read.
            StreamError: A live source was lost; ``frames`` is the number of frames that were received.
            TargetError: The model has no such class.
        """
        from whyframe.video.stream import stream_explanations

        return stream_explanations(
            self, source, target=target, refine=refine, reconnect=reconnect, images=self.image_options
        )

    def prefetch(self, frame: Any, *, color: str = "bgr") -> None:
        """Start to copy the next frame to the GPU while another frame is explained.

        `stream` does this by itself. On the CPU nothing happens.

        Args:
            frame: As for `run`. Give the same object, unchanged, to the next `run`.
            color: As for `run`.

        Raises:
            FrameError: The frame cannot be explained.
        """
        self._pipeline.prefetch(frame, color)

    def class_id(self, target: str | int) -> int:
        """Return the id of a class.

        Args:
            target: Name or id of the class.

        Returns:
            The class id, which is the position of the class in ``probabilities``.

        Raises:
            TargetError: The model has no such class.
        """
        return self._manifest.class_id(target)

    def clone(self) -> ExplainEngine:
        """Return an engine for another thread that shares the weights of this one."""
        return self._with_backend(self._backend.clone())

    def workers(self) -> list[ExplainEngine]:
        """Return the engines that give the highest throughput, each in its own thread; close each after use."""
        return [self._with_backend(backend) for backend in self._backend.workers()]

    def _with_backend(self, backend: Backend) -> ExplainEngine:
        twin = object.__new__(type(self))
        twin._manifest, twin._backend = self._manifest, backend
        twin._pipeline = backend.pipeline(self._manifest)
        twin._pipeline.image_options = self.image_options
        return twin

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be copied or pickled: copies would share the buffers of one backend.

        Raises:
            CopyError: Always.
        """
        raise CopyError(
            "an ExplainEngine cannot be copied or pickled; engine.clone() gives an engine for another thread, and "
            "another process opens the model itself with ExplainEngine(path)."
        )

    def close(self) -> None:
        """Release the model. Results and clones stay valid."""
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
            raise FrameValueError(
                f"refine is {refine}; give 0 for no refinement, or a number of steps such as 32."
            )
        resolved = [resolve_target(self.class_id, target) for target in targets]
        # A contrast is two rows of the batch: the explained class, then the class that it is explained against.
        rows = [target if isinstance(target, tuple) else (target,) for target in resolved]
        ids = [_PREDICTED if class_id is None else class_id for row in rows for class_id in row]
        repeated = [frame for frame, row in zip(frames, rows, strict=True) for _ in row]
        outputs = iter(self._pipeline.explain(repeated, np.array(ids, np.int64), refine, color))
        return [self._explanation(index, *islice(outputs, len(row))) for index, row in enumerate(rows)]

    def _explanation(
        self, index: int, output: FrameOutput, against: FrameOutput | None = None
    ) -> Explanation:
        check_answer(output.probabilities, output.class_id)
        if against is not None:
            output = contrast_outputs(output, against, self._manifest.input)
        return Explanation(
            frame=output.frame,
            class_id=output.class_id,
            label=self._manifest.labels[output.class_id],
            probability=float(output.probabilities[output.class_id]),
            probabilities=output.probabilities,
            scores=output.scores,
            timings=output.timings,
            manifest=self._manifest,
            index=index,
            contrast=None if against is None else self._manifest.labels[against.class_id],
        )


def _warn_deprecated(old: str, new: str) -> None:
    warnings.warn(f"ExplainEngine.{old} is deprecated; use {new}.", DeprecationWarning, stacklevel=3)
