"""ONNX Runtime with inputs and outputs at fixed addresses, as a captured CUDA graph requires."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

__all__ = ["Binding"]

_DTYPES = {"tensor(uint8)": np.uint8, "tensor(int64)": np.int64, "tensor(float)": np.float32}


class Binding:
    """Device tensors that are bound to a session once, for one batch size.

    Args:
        session: A session with the inputs and outputs of the graph contract.
        outputs: Names of the outputs to fetch.
        batch: Batch size N.
        device: Kind of device, ``"cuda"`` or ``"cpu"``.
        index: Number of the device.
    """

    def __init__(
        self, session: ort.InferenceSession, outputs: tuple[str, ...], batch: int, device: str, index: int
    ) -> None:
        self._session, self._outputs = session, outputs
        self._binding = session.io_binding()
        self._inputs: dict[str, ort.OrtValue] = {}
        self._results: dict[str, ort.OrtValue] = {}
        for tensor in session.get_inputs():
            value = self._inputs[tensor.name] = _tensor(tensor, batch, device, index)
            self._binding.bind_ortvalue_input(tensor.name, value)
        for tensor in session.get_outputs():
            if tensor.name in outputs:
                value = self._results[tensor.name] = _tensor(tensor, batch, device, index)
                self._binding.bind_ortvalue_output(tensor.name, value)

    def run(self, inputs: dict[str, NDArray[Any]], options: Any) -> list[NDArray[Any]]:
        """Copy the inputs to the device, run the session, and copy the outputs to the host.

        Args:
            inputs: Arrays of the bound shapes, by name; names that the session does not have are ignored.
            options: Options of the run, an ``ort.RunOptions``.

        Returns:
            A new array for each output.
        """
        for name, value in self._inputs.items():
            value.update_inplace(np.ascontiguousarray(inputs[name]))
        self._binding.synchronize_inputs()
        self._session.run_with_iobinding(self._binding, options)
        self._binding.synchronize_outputs()
        # On the CPU, `numpy()` returns a view of the bound tensor, which the next run overwrites.
        return [np.array(self._results[name].numpy()) for name in self._outputs]


def _tensor(description: Any, batch: int, device: str, index: int) -> ort.OrtValue:
    """Return an uninitialised tensor for an input or an output of the session."""
    shape = [batch, *description.shape[1:]]
    return ort.OrtValue.ortvalue_from_shape_and_type(shape, _DTYPES[description.type], device, index)
