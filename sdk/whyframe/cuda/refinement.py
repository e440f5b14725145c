"""Post-hoc refinement of masks on the device (Fu et al. 2022, section 3.2.1).

`whyframe.refine` describes the method and implements it on the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whyframe.cuda.ring import Ring, Slot
from whyframe.perturb import BLUR_SIGMA, gaussian_kernel

if TYPE_CHECKING:
    from whyframe.cuda.driver import Driver, Stream
    from whyframe.cuda.execution import Execution
    from whyframe.manifest import Manifest
    from whyframe.native.kernels import Kernels

__all__ = ["DeviceRefinement"]


class DeviceRefinement:
    """Post-hoc refinement with its device memory and the classifier's engine.

    Args:
        driver: The device. Its context must be current during every call.
        kernels: The compiled kernels.
        classifier: Execution of the classifier, which no other object may use.
        batches: Smallest and largest batch of the classifier.
        manifest: Manifest of the model.
    """

    def __init__(
        self,
        driver: Driver,
        kernels: Kernels,
        classifier: Execution,
        batches: tuple[int, int],
        manifest: Manifest,
    ) -> None:
        self._driver, self._kernels, self._classifier = driver, kernels, classifier
        (self._smallest, self._batch), batch = batches, batches[1]
        self._shape, self._mask_size = manifest.input.shape, (manifest.mask_height, manifest.mask_width)
        self._classes = len(manifest.labels)
        height, width, channels = self._shape
        self._pixels = pixels = height * width
        stream = driver.stream()
        weights = gaussian_kernel(BLUR_SIGMA).astype(np.float32)
        self._radius = len(weights) // 2
        self._weights = driver.to_device(weights, stream)
        self._scratch = driver.allocate(
            max(kernels.blur_scratch_bytes(1, channels, height, width), kernels.rank_scratch_bytes(pixels))
        )
        sizes = {
            "scores": 4 * pixels,
            "smooth": 4 * pixels,
            "position": 4 * pixels,
            "order": 4 * pixels,
            "blurred": channels * pixels,
            "frames": channels * pixels * batch,
            "target": 8 * batch,
            "probabilities": 4 * self._classes * batch,
        }
        self._memory = {name: driver.allocate(size) for name, size in sizes.items()}
        driver.upload(self._memory["target"].pointer, np.full(batch, -1, np.int64), stream)
        stream.synchronize()
        self._ring = Ring(driver, {"refined": ((height, width), np.float32)})

    def refine(self, tensors: dict[str, int], class_id: int, steps: int, stream: Stream) -> Slot:
        """Refine the mask of the last explained frame, and wait for the result.

        Args:
            tensors: Device addresses of ``frames``, ``saliency`` and ``probabilities`` of the fused graph.
            class_id: Id of the explained class.
            steps: Number K of perturbed frames, at least 1.
            stream: Stream in which the tensors were computed.

        Returns:
            Slot with ``refined``, the refined mask, H x W float32.
        """
        pixels = self._pixels
        counts = np.append(np.arange(steps) * pixels // steps, pixels).astype(np.int32)
        counts_memory = self._driver.to_device(counts, stream)
        curve = self._driver.allocate(4 * (steps + 1))
        self._rank(tensors["saliency"], stream)
        self._blur(tensors["frames"], self._memory["blurred"].pointer, "uint8", self._shape[2], stream)
        for start in range(0, steps, self._batch):
            count = min(self._batch, steps - start)
            self._classify(tensors["frames"], counts_memory.pointer + 4 * start, count, stream)
            probabilities = self._memory["probabilities"].pointer
            self._copy_class(curve.pointer + 4 * start, probabilities, class_id, count, stream)
        self._copy_class(curve.pointer + 4 * steps, tensors["probabilities"], class_id, 1, stream)
        slot = self._ring.take()
        self._kernels.refine(
            self._memory["scores"].pointer,
            self._memory["position"].pointer,
            curve.pointer,
            counts_memory.pointer,
            steps,
            pixels,
            slot.pointer("refined"),
            stream=stream.handle,
        )
        stream.synchronize()
        return slot

    def _rank(self, mask: int, stream: Stream) -> None:
        """Upsample the mask to H x W scores, and compute the rank of each pixel."""
        memory, size = self._memory, self._shape[:2]
        self._kernels.upsample(mask, *self._mask_size, memory["scores"].pointer, *size, stream=stream.handle)
        self._blur(memory["scores"].pointer, memory["smooth"].pointer, "float32", 1, stream)
        self._kernels.rank(
            memory["scores"].pointer,
            memory["smooth"].pointer,
            memory["position"].pointer,
            memory["order"].pointer,
            self._scratch.pointer,
            self._scratch.size,
            *size,
            stream=stream.handle,
        )

    def _blur(self, source: int, destination: int, dtype: str, channels: int, stream: Stream) -> None:
        """Blur an H x W image."""
        self._kernels.blur(
            source,
            self._kernels.TYPES[dtype],
            self._kernels.INTERLEAVED,
            self._scratch.pointer,
            destination,
            1,
            channels,
            *self._shape[:2],
            self._weights.pointer,
            self._radius,
            stream=stream.handle,
        )

    def _classify(self, frame: int, counts: int, count: int, stream: Stream) -> None:
        """Classify ``count`` copies of the frame; copy n is blurred except for its ``counts[n]`` best pixels."""
        self._kernels.perturb_ranked(
            frame,
            self._memory["blurred"].pointer,
            self._kernels.TYPES["uint8"],
            self._kernels.INTERLEAVED,
            self._memory["position"].pointer,
            counts,
            self._memory["frames"].pointer,
            count,
            self._shape[2],
            self._pixels,
            stream=stream.handle,
        )
        self._classifier.batch(max(count, self._smallest), self._shape)
        names = (*self._classifier.inputs, "probabilities")
        self._classifier.bind({name: self._memory[name].pointer for name in names})
        self._classifier.enqueue(stream)

    def _copy_class(self, curve: int, probabilities: int, class_id: int, rows: int, stream: Stream) -> None:
        """Copy the probability of a class from the first rows of the probabilities to the curve."""
        row = 4 * self._classes
        self._driver.copy_rows(curve, 4, probabilities + 4 * class_id, row, 4, rows, stream)
