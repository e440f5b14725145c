"""Pipeline of the TensorRT backend: upload, resizing and the fused engine, in a single CUDA graph for each frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whyframe.alpha import compose
from whyframe.cuda.device_results import DeviceScores
from whyframe.cuda.frame_resizer import FrameResizer
from whyframe.cuda.frames import DeviceFrame, as_device_frame, is_device_frame
from whyframe.cuda.graph_cache import GraphCache
from whyframe.cuda.overlay_renderer import OverlayRenderer
from whyframe.cuda.ring import Ring, Slot
from whyframe.cuda.staging import Staged, Staging
from whyframe.errors import BackendError
from whyframe.pipeline import FrameOutput, Pipeline, timings_of
from whyframe.preprocess import as_image

if TYPE_CHECKING:
    from whyframe.cuda.driver import Driver
    from whyframe.cuda.execution import Execution
    from whyframe.cuda.refinement import DeviceRefinement
    from whyframe.manifest import Manifest
    from whyframe.native.kernels import Kernels

__all__ = ["DevicePipeline"]


class DevicePipeline(Pipeline):
    """Pipeline on a device, for one thread. Everything that a graph captures has a fixed address.

    Args:
        driver: The device.
        kernels: The compiled kernels.
        explainer: Execution of the fused graph, which no other object may use.
        batch: Smallest batch of the fused graph. Frames are processed singly, so the rows after the first are
            padding.
        refinement: Post-hoc refinement, which no other object may use.
        manifest: Manifest of the model.
    """

    def __init__(
        self,
        driver: Driver,
        kernels: Kernels,
        explainer: Execution,
        batch: int,
        refinement: DeviceRefinement,
        manifest: Manifest,
    ) -> None:
        self._refinement = refinement
        self._driver, self._explainer, self._manifest = driver, explainer, manifest
        self._channels, mask_size = manifest.input.channels, (manifest.mask_height, manifest.mask_width)
        with driver.current():
            self._stream, self._staging = driver.stream(), Staging(driver)
            self._ring = Ring(
                driver, {"mask": (mask_size, np.float32), "input": (manifest.input.shape, np.uint8)}
            )
            self._tensors = {name: driver.allocate(size * batch) for name, size in _sizes(manifest).items()}
            self._target = driver.pinned((1,), np.int64)
            self._class_id = driver.pinned((1,), np.int64)
            self._probabilities = driver.pinned((len(manifest.labels),), np.float32)
            self._renderer = OverlayRenderer(driver, kernels)
            self._resizer = FrameResizer(driver, kernels, manifest.input, self._stream)
            # The engine explains the padding rows, too, so their targets must be valid.
            driver.upload(self._tensors["target"].pointer, np.full(batch, -1, np.int64), self._stream)
            self._stream.synchronize()
        # The lambda must not hold self: in a reference cycle, the garbage collector would free GPU memory.
        stream = self._stream
        self._graphs = GraphCache(driver, stream, lambda: explainer.capturable(stream))
        self._closed = False

    def explain(
        self, frames: Sequence[Any], targets: NDArray[np.int64], refine: int, color: str
    ) -> list[FrameOutput]:
        """See `Pipeline.explain`."""
        self._check_open()
        with self._driver.current():
            return [
                self._explain_frame(frame, int(target), refine, color)
                for frame, target in zip(frames, targets, strict=True)
            ]

    def prefetch(self, frame: Any, color: str) -> None:
        """See `Pipeline.prefetch`."""
        self._check_open()
        if not is_device_frame(frame):
            with self._driver.current():
                self._staging.upload(as_image(frame, color, self._channels, self.image_options), source=frame)

    def profile(self, frame: NDArray[np.uint8]) -> dict[str, float]:
        """Measure the stages of a host frame on the device, without a graph; for benchmarks.

        Args:
            frame: H x W x 3 uint8 BGR; H x W x 4 uint8 BGRA for a model of 4 channels.

        Returns:
            Milliseconds of ``upload``, ``resize`` and ``engine``, which includes the download of its small outputs.
        """
        with self._driver.current():
            marks = [self._driver.event(timing=True) for _ in range(4)]
            staged = self._staging.upload(frame)
            staged.ready.synchronize()
            device_frame = self._staging.as_frame(staged)
            self._resizer.prepare(*device_frame.shape[:2])  # outside the measured time
            marks[0].record(self._stream)
            self._driver.upload(staged.pointer, staged.host(frame.size), self._stream)
            marks[1].record(self._stream)
            self._resize(device_frame)
            marks[2].record(self._stream)
            self._queue_engine()
            marks[3].record(self._stream)
            self._stream.synchronize()
            milliseconds = [end.milliseconds_since(start) for start, end in pairwise(marks)]
        return dict(zip(("upload", "resize", "engine"), milliseconds, strict=True))

    def close(self) -> None:
        """See `Pipeline.close`."""
        if not self._closed:
            self._closed = True
            with self._driver.current():
                del self._graphs, self._explainer, self._refinement, self._staging, self._tensors
                del self._resizer

    def _check_open(self) -> None:
        if self._closed:
            raise BackendError("the engine is closed; create a new one.")

    def _explain_frame(self, given: Any, target: int, refine: int, color: str) -> FrameOutput:
        marks = [perf_counter()]
        frame = self._queue(given, target, color, marks)
        slot = self._ring.take()
        self._copy_to(slot)
        self._stream.synchronize()
        probabilities, class_id = self._probabilities.copy(), int(self._class_id[0])
        probabilities.flags.writeable = False
        marks.append(perf_counter())
        refined = self._refine(class_id, refine) if refine else None
        marks.append(perf_counter())
        scores = DeviceScores(self._renderer, slot, frame.shape[:2], self._manifest.input, refined)
        return FrameOutput(frame, probabilities, class_id, scores, timings_of(marks))

    def _copy_to(self, slot: Slot) -> None:
        for name, tensor in (("mask", "saliency"), ("input", "frames")):
            source, size = self._tensors[tensor].pointer, _sizes(self._manifest)[tensor]
            self._driver.copy(slot.pointer(name) or 0, source, size, self._stream)

    def _refine(self, class_id: int, steps: int) -> Slot:
        tensors = {name: memory.pointer for name, memory in self._tensors.items()}
        return self._refinement.refine(tensors, class_id, steps, self._stream)

    def _queue(self, given: Any, target: int, color: str, marks: list[float]) -> Any:
        """Queue a frame, and return the frame that the result holds."""
        if is_device_frame(given):
            frame = as_device_frame(given, color, self._driver, self._stream, self._channels)
            marks.append(perf_counter())
            self._target[0] = target
            self._queue_device_frame(frame)
            return replace(frame, stream=None)  # already waited for, and its owner may destroy it
        staged = self._staging.find(given)
        if staged is None:
            staged = self._staging.upload(as_image(given, color, self._channels, self.image_options))
        marks.append(perf_counter())
        self._target[0] = target
        self._queue_staged(staged)
        image = staged.image
        return image if image.shape[2] == 3 else compose(image, self.image_options)

    def _queue_device_frame(self, frame: DeviceFrame) -> None:
        if frame.stream is not None:
            self._driver.wait_for_stream(self._stream, frame.stream)
        self._resize(frame)  # not captured, because the address of such a frame changes often
        self._graphs.run("tensor", self._queue_engine)

    def _queue_staged(self, staged: Staged) -> None:
        frame = self._staging.as_frame(staged)
        addresses = self._resizer.prepare(*frame.shape[:2])

        def enqueue() -> None:
            self._resize(frame)
            self._queue_engine()

        self._stream.wait(staged.ready)
        self._graphs.run((staged.pointer, frame.shape, *addresses), enqueue)
        staged.consumed.record(self._stream)

    def _resize(self, frame: DeviceFrame) -> None:
        self._resizer.resize(frame, self._tensors["frames"].pointer)

    def _queue_engine(self) -> None:
        """Queue the fused engine, the upload of its target and the download of its small outputs."""
        self._driver.upload(self._tensors["target"].pointer, self._target, self._stream)
        self._explainer.bind({name: memory.pointer for name, memory in self._tensors.items()})
        self._explainer.enqueue(self._stream)
        self._driver.download(self._probabilities, self._tensors["probabilities"].pointer, self._stream)
        self._driver.download(self._class_id, self._tensors["class_id"].pointer, self._stream)


def _sizes(manifest: Manifest) -> dict[str, int]:
    """Return the size in bytes of each input and output of the fused graph, for one frame."""
    return {
        "frames": math.prod(manifest.input.shape),
        "target": 8,
        "probabilities": 4 * len(manifest.labels),
        "class_id": 8,
        "saliency": 4 * manifest.mask_height * manifest.mask_width,
    }
