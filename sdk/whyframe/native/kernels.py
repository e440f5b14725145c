"""The CUDA kernels from Python: one method an entry of ``whyframe_kernels.h``, where each is described.

Pointers and streams are plain integers (None or 0 is null), so that memory of any library will do.
"""

from __future__ import annotations

import ctypes
import inspect
from collections.abc import Callable
from functools import lru_cache, wraps
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, cast, get_args, get_type_hints

from whyframe.errors import BackendError
from whyframe.native import BUILD, find, load, load_file

__all__ = ["Kernels", "available", "load_host_twins", "load_kernels"]

ABI_VERSION = 2

Pointer = Annotated["int | None", ctypes.c_void_p]
Int = Annotated[int, ctypes.c_int]
Long = Annotated[int, ctypes.c_int64]
Float = Annotated[float, ctypes.c_float]

Method = TypeVar("Method", bound=Callable[..., Any])


def _entry(method: Method) -> Method:
    """A method that calls the entry of its name, with the C types that its annotations give."""
    name, signature, c_types = method.__name__, inspect.signature(method), _c_types(method)
    count = len(c_types[0])

    @wraps(method)
    def call(self: Kernels, *arguments: Any, **named: Any) -> Any:
        if named or len(arguments) != count:
            arguments = signature.bind(self, *arguments, **named).args[1:]
        return self._run(name, arguments)

    call.__dict__["c_types"] = c_types
    return cast(Method, call)


def _c_types(method: Callable[..., Any]) -> tuple[list[Any], Any]:
    """The C types of an entry's arguments and of what it returns: a status where Python returns nothing."""
    hints = get_type_hints(method, include_extras=True)
    returned = hints.pop("return")
    types = [get_args(hint)[1] for hint in hints.values()]
    return types, ctypes.c_int if returned is type(None) else get_args(returned)[1]


class Kernels:
    """The entries of one compiled library.

    A method returns as soon as its work is enqueued on ``stream``, and raises a BackendError in the library's own
    words where an argument is refused or the launch fails.

    Args:
        library: libwhyframe_kernels.so, or its host twin.
        host: Whether it is the twin: it works on host memory, and streams are ignored.
    """

    TYPES: ClassVar[dict[str, int]] = {"float32": 0, "float16": 1, "uint8": 2}
    PLANAR, INTERLEAVED = 0, 1
    MODES: ClassVar[dict[str, int]] = {"ct": 0, "bt": 1, "minmax": 2}
    FORMATS: ClassVar[dict[str, int]] = {"bgr": 0, "rgb": 1, "nv12": 2}
    MATRICES: ClassVar[dict[str, int]] = {"bt601": 0, "bt709": 1}

    def __init__(self, library: ctypes.CDLL, *, host: bool = False) -> None:
        self._library, self._host = library, host
        self._error_string = self._function("error_string", [ctypes.c_int], ctypes.c_char_p)
        version = self._function("abi_version", [], ctypes.c_int)()
        if version != ABI_VERSION:
            raise BackendError(
                f"{library._name} has interface {version}, this whyframe needs {ABI_VERSION}; rebuild it: {BUILD}."
            )
        self._functions = {
            name: self._function(name, *self._declared(method.c_types))
            for name, method in vars(type(self)).items()
            if hasattr(method, "c_types")
        }

    def _declared(self, types: tuple[list[Any], Any]) -> tuple[list[Any], Any]:
        arguments, returned = types
        streamed = returned is ctypes.c_int and self._host
        return (arguments[:-1] if streamed else arguments), returned

    def _function(self, name: str, arguments: list[Any], returned: Any) -> Any:
        try:
            function = getattr(self._library, f"whyframe_{name}" + "_host" * self._host)
        except AttributeError as error:
            raise BackendError(
                f"{self._library._name} has no {name}: it is no kernel library of this whyframe; build one: {BUILD}."
            ) from error
        function.argtypes, function.restype = arguments, returned
        return function

    def _run(self, name: str, arguments: tuple[Any, ...]) -> Any:
        function = self._functions[name]
        code = function(*arguments[: len(function.argtypes)])  # a host twin takes no stream
        if function.restype is ctypes.c_int64 and code >= 0:
            return code
        if code:
            words = self._error_string(code).decode()
            raise BackendError(
                f"{name} failed: {words} ({code}); check its arguments against whyframe_kernels.h."
            )
        return None

    @_entry
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
        out: Pointer,
        side: Int,
        stream: Pointer,
    ) -> None:
        """A frame to the model's input, side x side x 3 uint8 RGB; `whyframe.native.resampling` makes the taps."""

    @_entry
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
        """The distribution controller: maps of logits to maps of scores."""

    @_entry
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
        """The gradient of the controller's scores to that of its logits."""

    @_entry
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
        """Eq. 1: images seen through their masks."""

    @_entry
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
        """The gradient of Eq. 1 to that of its masks."""

    @_entry
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
        """Eq. 1 by hard masks that keep the first pixels of a ranking."""

    @_entry
    def blur_scratch_bytes(self, images: Long, channels: Long, height: Long, width: Long) -> Long:  # type: ignore[empty-body]
        """Bytes of scratch that `blur` needs."""

    @_entry
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
        """The separable blur of images, their border mirrored."""

    @_entry
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
        """A mask to scores of pixels, bilinear."""

    @_entry
    def rank_scratch_bytes(self, pixels: Long) -> Long:  # type: ignore[empty-body]
        """Bytes of scratch that `rank` needs on the current device."""

    @_entry
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
        """Pixels by falling score, as `whyframe.perturb.rank_pixels` ranks them."""

    @_entry
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
        """Post-hoc tuning of ranked scores by a preserving curve, as `whyframe.refine` describes it."""

    @_entry
    def overlay(
        self,
        mask: Pointer,
        mask_height: Int,
        mask_width: Int,
        frame: Pointer,
        frame_pitch: Long,
        height: Int,
        width: Int,
        window_top: Int,
        window_left: Int,
        window_height: Int,
        window_width: Int,
        colours: Pointer,
        keep: Pointer,
        out: Pointer,
        out_pitch: Long,
        state_in: Pointer,
        state_out: Pointer,
        momentum: Float,
        stream: Pointer,
    ) -> None:
        """A frame with its map drawn on it, as `whyframe.overlay` draws it."""


@lru_cache(maxsize=1)
def load_kernels() -> Kernels:
    """The kernels of this installation.

    Raises:
        BackendError: They were not built, or for another version; the message says how they are built.
    """
    return Kernels(load("kernels"))


def load_host_twins(path: str | PathLike[str]) -> Kernels:
    """The kernels' host twins: the same entries on host memory, for tests.

    Args:
        path: libwhyframe_host.so, as CMake builds it.
    """
    return Kernels(load_file(Path(path), "the path"), host=True)


def available() -> bool:
    """Whether there is a kernel library to load."""
    return find("kernels").is_file()
