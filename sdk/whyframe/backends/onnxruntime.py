"""ONNX Runtime, on the CPU or on a CUDA device."""

from __future__ import annotations

import copy
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from whyframe.backends.base import CLASSIFIER, INPUTS, OUTPUTS, Backend
from whyframe.backends.binding import Binding
from whyframe.backends.host import HostPipeline
from whyframe.cores import usable_cores
from whyframe.errors import BackendError, ModelError, one_line
from whyframe.manifest import Manifest
from whyframe.modelfile import keep_outputs
from whyframe.pipeline import Pipeline

__all__ = ["OnnxRuntimeBackend"]

_FATAL = 4  # log severity: errors come as exceptions, so nothing need be printed
_CUDA = "CUDAExecutionProvider"
_CONTRACT = {
    # name: (element type, shape: None for any size)
    "frames": ("tensor(uint8)", (None, None, None, 3)),
    "target": ("tensor(int64)", (None,)),
    "probabilities": ("tensor(float)", (None, None)),
    "class_id": ("tensor(int64)", (None,)),
    "saliency": ("tensor(float)", (None, None, None)),
}


class OnnxRuntimeBackend(Backend):
    """A fused model in an ONNX Runtime session; see `Backend`.

    Args:
        model: Content of the ONNX file.
        device: ``"cpu"`` or ``"cuda:N"``.
        threads: Threads inside one operator; None takes the cores this process may use.
        reason: Why this backend, for people.

    Raises:
        BackendError: The device is unknown, or ONNX Runtime cannot use it here.
        ModelError: The model cannot be loaded, or breaks the graph contract.
    """

    name = "onnxruntime"

    def __init__(self, model: bytes, device: str, threads: int | None, reason: str) -> None:
        self.device = device
        self.reason = reason
        self._threads = threads or usable_cores()
        self._bindings: dict[tuple[tuple[str, ...], int], Binding] = {}
        self._sessions: _Sessions | None = _Sessions(model, _providers(device), threads)
        _check_contract(self._sessions.fused)
        frames = self._sessions.fused.get_inputs()[0].shape
        self.batch = frames[0] if isinstance(frames[0], int) else None
        self.side = frames[1]

    def clone(self) -> OnnxRuntimeBackend:
        """Another backend on the same sessions, which ONNX Runtime lets several threads run at once.

        On a GPU a session's captured graphs have their inputs at fixed addresses, which two threads cannot share:
        there the clone has sessions of its own.
        """
        twin = copy.copy(self)
        if self._sessions is not None and self.device != "cpu":
            twin._sessions, twin._bindings = self._sessions.again(), {}
        return twin

    def workers(self) -> list[Backend]:
        """One single-threaded backend for each CPU thread, on one more session; on a GPU one clone.

        Two frames side by side waste less than one frame split over two threads.
        """
        if self._sessions is None or self.device != "cpu" or self._threads == 1:
            return [self.clone()]
        return [self._alone(self._sessions.single_threaded) for _ in range(self._threads)]

    def _alone(self, sessions: _Sessions) -> OnnxRuntimeBackend:
        worker = self.clone()
        worker._sessions, worker._threads = sessions, 1
        return worker

    def pipeline(self, manifest: Manifest) -> Pipeline:
        """See `Backend.pipeline`: frames are resized on the host."""
        return HostPipeline(self, manifest)

    def close(self) -> None:
        """Lets go of the sessions."""
        self._sessions, self._bindings = None, {}

    def _run(
        self, outputs: tuple[str, ...], frames: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        if self._sessions is None:
            raise BackendError("the engine is closed; make another one.")
        session = self._sessions.fused if outputs == OUTPUTS else self._sessions.classifier
        inputs: dict[str, NDArray[Any]] = {"frames": frames, "target": targets}
        try:
            if self.device == "cpu":
                return session.run(outputs, inputs, _quiet(ort.RunOptions()))
            return self._run_bound(session, outputs, inputs)
        except Exception as error:  # ONNX Runtime's own exceptions share no base class but this
            reason = one_line(error)
            raise ModelError(f"ONNX Runtime failed ({reason}); try fewer frames, or export again.") from error

    def _run_bound(
        self, session: ort.InferenceSession, outputs: tuple[str, ...], inputs: dict[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """On a GPU: tensors of fixed addresses, and one captured graph for each batch size."""
        batch = len(inputs["frames"])
        if (outputs, batch) not in self._bindings:
            index = int(self.device.partition(":")[2])
            self._bindings[outputs, batch] = Binding(session, outputs, batch, "cuda", index)
        options = _quiet(ort.RunOptions())
        options.add_run_config_entry("gpu_graph_id", str(batch))
        return self._bindings[outputs, batch].run(inputs, options)


class _Sessions:
    """The fused graph; and what is loaded when it is first asked for, and kept."""

    def __init__(self, model: bytes, providers: list[Any], threads: int | None) -> None:
        self._model, self._providers, self._threads = model, providers, threads
        self._lock = Lock()
        self._classifier: ort.InferenceSession | None = None
        self._single_threaded: _Sessions | None = None
        self.fused = _open_session(model, providers, threads)

    def again(self) -> _Sessions:
        """The same model, loaded once more."""
        return _Sessions(self._model, self._providers, self._threads)

    @property
    def classifier(self) -> ort.InferenceSession:
        """The classifier's part of the graph."""
        with self._lock:
            if self._classifier is None:
                part = keep_outputs(self._model, CLASSIFIER)
                self._classifier = _open_session(part, self._providers, self._threads)
            return self._classifier

    @property
    def single_threaded(self) -> _Sessions:
        """The same model for callers that bring their own threads."""
        with self._lock:
            if self._single_threaded is None:
                self._single_threaded = _Sessions(self._model, self._providers, 1)
            return self._single_threaded


def _quiet(options: Any) -> Any:
    options.log_severity_level = _FATAL
    return options


def _providers(device: str) -> list[Any]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    kind, _, index = device.partition(":")
    if kind != "cuda" or not index.isdigit():
        raise BackendError(f"there is no device {device!r}; give 'cpu', or 'cuda:0' for the first GPU.")
    if _CUDA not in ort.get_available_providers():
        raise BackendError(
            f"this ONNX Runtime has no CUDA, so {device} cannot be used; "
            "`pip uninstall onnxruntime`, then `pip install onnxruntime-gpu`."
        )
    if hasattr(ort, "preload_dlls"):  # CUDA and cuDNN from NVIDIA's Python packages are on no loader's path
        ort.preload_dlls()
    return [(_CUDA, {"device_id": int(index), "enable_cuda_graph": "1"}), "CPUExecutionProvider"]


def _open_session(model: bytes, providers: list[Any], threads: int | None) -> ort.InferenceSession:
    options = _quiet(ort.SessionOptions())
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    # Idle workers spin, and would take the cores from decoding, resizing and drawing between two runs.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        session = _load(model, options, providers)
    except Exception as error:  # see _run
        reason = one_line(error)
        raise ModelError(f"ONNX Runtime cannot load the model ({reason}); export it again.") from error
    # A provider whose libraries are missing is dropped by ONNX Runtime with no error.
    if len(providers) > 1 and _CUDA not in session.get_providers():
        raise BackendError(
            "ONNX Runtime could not start CUDA and would have used the CPU; "
            "install its libraries with `pip install 'onnxruntime-gpu[cuda,cudnn]'`, or use device='cpu'."
        )
    return session


def _load(model: bytes, options: ort.SessionOptions, providers: list[Any]) -> ort.InferenceSession:
    """A session with a captured graph where there can be one: no node may be left to the CPU."""
    try:
        return ort.InferenceSession(model, options, providers=providers)
    except Exception as error:
        if "graph capture" not in str(error).lower() and "cuda graph" not in str(error).lower():
            raise
        name, settings = providers[0]
        plain = {key: value for key, value in settings.items() if key != "enable_cuda_graph"}
        return ort.InferenceSession(model, options, providers=[(name, plain), *providers[1:]])


def _check_contract(session: ort.InferenceSession) -> None:
    inputs = {one.name: one for one in session.get_inputs()}
    outputs = {one.name: one for one in session.get_outputs()}
    for kind, wanted, found in (("inputs", INPUTS, inputs), ("outputs", OUTPUTS, outputs)):
        if set(found) != set(wanted):
            raise ModelError(
                f"the model's {kind} are {', '.join(found)}, not {', '.join(wanted)}; "
                "make the file with `whyframe export`."
            )
    for name, tensor in {**inputs, **outputs}.items():
        _check_tensor(name, tensor)
    _, height, width, _ = inputs["frames"].shape
    if not isinstance(height, int) or height != width:
        raise ModelError(f"the model's frames are {height} x {width}, not a fixed square; export it again.")


def _check_tensor(name: str, tensor: Any) -> None:
    dtype, shape = _CONTRACT[name]
    fits = tensor.type == dtype and len(tensor.shape) == len(shape)
    if not fits or any(want not in (None, got) for want, got in zip(shape, tensor.shape, strict=True)):
        found = f"{tensor.type} of shape {tensor.shape}"
        raise ModelError(f"the model's {name} is {found}, not {dtype} of {len(shape)} axes; export it again.")
