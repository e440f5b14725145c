"""Python interface of the CUDA kernels: a method for each function of ``whyframe_kernels.h``, which documents them.

Pointers and streams are plain integers (None or 0 is null), so memory of any library can be used.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import ClassVar

from whyframe.native import library_path, load_library, load_library_file
from whyframe.native.c_library import CLibrary, Float, Int, Long, Pointer, c_function

__all__ = ["Kernels", "kernels_exist", "load_host_twins", "load_kernels"]

ABI_VERSION = 4
"""Version of the C interface: ``WHYFRAME_ABI_VERSION`` in ``whyframe_kernels.h``."""


class Kernels(CLibrary):
    """The functions of a compiled kernel library.

    A method returns as soon as its work is enqueued on ``stream``. It raises a `BackendError` with the library's own
    message if an argument is invalid or the launch fails.

    Args:
        library: The loaded libwhyframe_kernels.so, or its host twin.
        host: Whether the library is the host twin, which uses host memory and ignores streams.

    Raises:
        BackendError: The library is not a kernel library, or its interface has another version.
    """

    TYPES: ClassVar[dict[str, int]] = {"float32": 0, "float16": 1, "uint8": 2}
    PLANAR, INTERLEAVED = 0, 1
    MODES: ClassVar[dict[str, int]] = {"ct": 0, "bt": 1, "minmax": 2}
    FORMATS: ClassVar[dict[str, int]] = {
        "bgr": 0,
        "rgb": 1,
        "nv12": 2,
        "bgra": 3,
        "rgba": 4,
        "bgra_weighted": 5,  # colours are weighted by alpha
        "rgba_weighted": 6,
    }
    MATRICES: ClassVar[dict[str, int]] = {"bt601": 0, "bt709": 1}

    def __init__(self, library: ctypes.CDLL, *, host: bool = False) -> None:
        super().__init__(library, ABI_VERSION, host=host)

    @c_function
    def frame_scratch_bytes(self, height: Int, columns: Int, channels: Int) -> Long:  # type: ignore[empty-body]
        """Return the scratch bytes that `frame_to_tensor` needs for two passes."""

    @c_function
    def frame_to_tensor(
        self,
        plane0: Pointer,
        pitch0: Long,
        plane1: Pointer,
        pitch1: Long,
        height: Int,
        width: Int,
        format: Int,
        matrix: Int,
        full_range: Int,
        row_start: Pointer,
        row_weight: Pointer,
        row_taps: Int,
        column_start: Pointer,
        column_weight: Pointer,
        column_taps: Int,
        scratch: Pointer,
        out: Pointer,
        out_height: Int,
        out_width: Int,
        channels: Int,
        first_row: Int,
        first_column: Int,
        rows: Int,
        columns: Int,
        fill: Int,
        stream: Pointer,
    ) -> None:
        """Resample a frame to the model's input, H x W x C uint8, with the taps of `frame_taps`."""

    @c_function
    def controller_forward(
        self,
        logits: Pointer,
        logits_type: Int,
        logits_stride: Long,
        scores: Pointer,
        scores_type: Int,
        maps: Long,
        size: Long,
        mode: Int,
        eta: Float,
        h: Float,
        eta_per_map: Pointer,
        h_per_map: Pointer,
        epsilon: Float,
        stream: Pointer,
    ) -> None:
        """Apply the distribution controller to maps of logits (Fu et al. 2022, Eq. 5 to 7)."""

    @c_function
    def controller_backward(
        self,
        logits: Pointer,
        logits_type: Int,
        logits_stride: Long,
        grad_scores: Pointer,
        grad_type: Int,
        grad_logits: Pointer,
        grad_logits_type: Int,
        maps: Long,
        size: Long,
        mode: Int,
        eta: Float,
        h: Float,
        eta_per_map: Pointer,
        h_per_map: Pointer,
        epsilon: Float,
        stream: Pointer,
    ) -> None:
        """Compute the gradient of the controller's logits from that of its scores."""

    @c_function
    def perturb(
        self,
        image: Pointer,
        background: Pointer,
        type: Int,
        layout: Int,
        masks: Pointer,
        out: Pointer,
        groups: Long,
        masks_per_image: Long,
        channels: Long,
        pixels: Long,
        stream: Pointer,
    ) -> None:
        """Mix images with backgrounds by their masks (Fu et al. 2022, Eq. 1)."""

    @c_function
    def perturb_backward(
        self,
        image: Pointer,
        background: Pointer,
        type: Int,
        layout: Int,
        grad_out: Pointer,
        grad_masks: Pointer,
        groups: Long,
        masks_per_image: Long,
        channels: Long,
        pixels: Long,
        stream: Pointer,
    ) -> None:
        """Compute the gradient of the masks of `perturb`."""

    @c_function
    def perturb_ranked(
        self,
        image: Pointer,
        background: Pointer,
        type: Int,
        layout: Int,
        position: Pointer,
        counts: Pointer,
        out: Pointer,
        masks: Long,
        channels: Long,
        pixels: Long,
        stream: Pointer,
    ) -> None:
        """Apply `perturb` with binary masks that keep the first pixels of a ranking."""

    @c_function
    def blur_scratch_bytes(self, images: Long, channels: Long, height: Long, width: Long) -> Long:  # type: ignore[empty-body]
        """Return the scratch bytes that `blur` needs."""

    @c_function
    def blur(
        self,
        image: Pointer,
        type: Int,
        layout: Int,
        scratch: Pointer,
        out: Pointer,
        images: Long,
        channels: Long,
        height: Long,
        width: Long,
        kernel: Pointer,
        radius: Int,
        stream: Pointer,
    ) -> None:
        """Blur images with a separable kernel and a mirrored border."""

    @c_function
    def upsample(
        self,
        mask: Pointer,
        mask_height: Int,
        mask_width: Int,
        scores: Pointer,
        height: Int,
        width: Int,
        stream: Pointer,
    ) -> None:
        """Upsample a mask to the scores of pixels, bilinearly."""

    @c_function
    def rank_scratch_bytes(self, pixels: Long) -> Long:  # type: ignore[empty-body]
        """Return the scratch bytes that `rank` needs on the current device."""

    @c_function
    def rank(
        self,
        scores: Pointer,
        blurred: Pointer,
        position: Pointer,
        order: Pointer,
        scratch: Pointer,
        scratch_bytes: Long,
        height: Int,
        width: Int,
        stream: Pointer,
    ) -> None:
        """Rank pixels by descending score, as `whyframe.perturb.rank_pixels` does."""

    @c_function
    def refine(
        self,
        scores: Pointer,
        position: Pointer,
        curve: Pointer,
        counts: Pointer,
        steps: Int,
        pixels: Long,
        out: Pointer,
        stream: Pointer,
    ) -> None:
        """Refine ranked scores by a preserving curve, as `whyframe.refine.refine_mask` does."""

    @c_function
    def overlay(
        self,
        mask: Pointer,
        mask_height: Int,
        mask_width: Int,
        frame: Pointer,
        frame_pitch: Long,
        height: Int,
        width: Int,
        window_top: Float,
        window_left: Float,
        window_height: Float,
        window_width: Float,
        colours: Pointer,
        keep: Pointer,
        out: Pointer,
        out_pitch: Long,
        stream: Pointer,
    ) -> None:
        """Draw a mask on a frame, as `whyframe.colormap.blend` does."""


@lru_cache(maxsize=1)
def load_kernels() -> Kernels:
    """Load the kernels of this installation.

    Raises:
        BackendError: The kernels were not built, or they have another interface; the message says how to build them.
    """
    return Kernels(load_library("kernels"))


def load_host_twins(path: str | PathLike[str]) -> Kernels:
    """Load the host twins of the kernels, which offer the same functions on host memory, for tests.

    Args:
        path: File libwhyframe_host.so, which CMake builds.
    """
    return Kernels(load_library_file(Path(path), "the path"), host=True)


def kernels_exist() -> bool:
    """Return whether the kernel library exists."""
    return library_path("kernels").is_file()
