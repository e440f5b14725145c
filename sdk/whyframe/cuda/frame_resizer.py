"""Resizing of frames on the device to the model's input, with the taps of each frame size kept there."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from whyframe.native.resampling import Taps, frame_taps

if TYPE_CHECKING:
    from whyframe.cuda.driver import Driver, Memory, Stream
    from whyframe.cuda.frames import DeviceFrame
    from whyframe.input_spec import InputSpec
    from whyframe.native.kernels import Kernels
    from whyframe.resize_rule import Placement

__all__ = ["FrameResizer"]

_SIZES_KEPT = 8  # frame sizes whose taps stay on the device


class _DeviceTaps(NamedTuple):
    """Taps of an axis in device memory."""

    start: Memory
    weight: Memory
    taps: int


class _SizePlan(NamedTuple):
    """Taps and scratch memory for one frame size. Without scratch memory, the kernel makes a single pass."""

    place: Placement
    rows: _DeviceTaps
    columns: _DeviceTaps
    scratch: Memory | None


class FrameResizer:
    """Resizing of frames on one stream, for one thread.

    Args:
        driver: The device. Its context must be current during every call.
        kernels: The compiled kernels.
        spec: The model's input.
        stream: Stream of the resizing.
    """

    def __init__(self, driver: Driver, kernels: Kernels, spec: InputSpec, stream: Stream) -> None:
        self._driver, self._kernels, self._spec, self._stream = driver, kernels, spec, stream
        self._fill = _packed_fill(spec)
        self._plans: OrderedDict[tuple[int, int], _SizePlan] = OrderedDict()

    def prepare(self, height: int, width: int) -> tuple[int, ...]:
        """Put the taps of a frame size on the device.

        Args:
            height: Height of the frame, in pixels.
            width: Width of the frame, in pixels.

        Returns:
            Device addresses that a later `resize` of such a frame uses. A CUDA graph that holds it depends on them.
        """
        plan = self._plan(height, width)
        memories = (plan.rows.start, plan.rows.weight, plan.columns.start, plan.columns.weight, plan.scratch)
        return tuple(memory.pointer for memory in memories if memory is not None)

    def resize(self, frame: DeviceFrame, out: int) -> None:
        """Queue the resizing of a frame.

        Args:
            frame: The frame.
            out: Device address of the model's input, H x W x C uint8.
        """
        height, width, _ = frame.shape
        place, rows, columns, scratch = self._plan(height, width)
        weighted = "_weighted" if self._spec.weights_by_alpha(place) else ""
        self._kernels.frame_to_tensor(
            frame.pointer,
            frame.pitch,
            frame.chroma,
            frame.pitch if frame.chroma else 0,
            height,
            width,
            self._kernels.FORMATS[frame.format + weighted],
            self._kernels.MATRICES[frame.matrix],
            int(frame.full_range),
            rows.start.pointer,
            rows.weight.pointer,
            rows.taps,
            columns.start.pointer,
            columns.weight.pointer,
            columns.taps,
            scratch.pointer if scratch else None,
            out,
            *self._spec.shape,
            place.first_row,
            place.first_column,
            place.end_row - place.first_row,
            place.end_column - place.first_column,
            self._fill,
            self._stream.handle,
        )

    def _plan(self, height: int, width: int) -> _SizePlan:
        size = height, width
        if size not in self._plans:
            self._plans[size] = self._new_plan(height, width)
            while len(self._plans) > _SIZES_KEPT:
                # Graphs that use the removed addresses are never launched again, as their keys hold these addresses.
                self._plans.popitem(last=False)
        self._plans.move_to_end(size)
        return self._plans[size]

    def _new_plan(self, height: int, width: int) -> _SizePlan:
        spec, rule = self._spec, self._spec.resize
        place = rule.placement(height, width, spec.height, spec.width)
        rows, columns = (self._to_device(taps) for taps in frame_taps(height, width, spec))
        scratch = None
        if rule.antialiased:  # Pillow's filters need two passes
            shown = place.end_column - place.first_column
            scratch = self._driver.allocate(self._kernels.frame_scratch_bytes(height, shown, spec.channels))
        return _SizePlan(place, rows, columns, scratch)

    def _to_device(self, taps: Taps) -> _DeviceTaps:
        start, weight = (self._driver.to_device(array, self._stream) for array in taps)
        return _DeviceTaps(start, weight, taps[1].shape[1])


def _packed_fill(spec: InputSpec) -> int:
    """Return the colour of the border: byte c is the level of channel c. Alpha is opaque."""
    fill = spec.resize.fill
    levels = fill[:1] if spec.channels == 1 else (*fill, 255)[: spec.channels]
    return sum(level << 8 * channel for channel, level in enumerate(levels))
