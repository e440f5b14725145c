"""Backend of ONNX Runtime, on the CPU or on a CUDA device."""

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

_FATAL = 4  # log severity: errors are raised as exceptions and need not be printed
_CUDA = "CUDAExecutionProvider"
ort.set_default_logger_severity(_FATAL)  # what is not about one session, such as the search for devices
_CONTRACT = {
    # name: (element type, shape: None for any size)
    "frames": ("tensor(uint8)", (None, None, None, None)),
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
        threads: Number of threads of one operator; None for all cores that this process may use.
        reason: Why this backend was chosen, as a clause for people to read.

    Raises:
        BackendError: The device is unknown, or ONNX Runtime cannot use it on this machine.
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
        self.input_shape = tuple(frames[1:])

    def clone(self) -> OnnxRuntimeBackend:
        """Return a backend for another thread.

        On the CPU it shares the sessions, which several threads may run at the same time. On a GPU the captured
        graphs of a session read their inputs from fixed addresses, which two threads cannot share, so the clone has
        its own sessions.
        """
        twin = copy.copy(self)
        if self._sessions is not None and self.device != "cpu":
            twin._sessions, twin._bindings = self._sessions.load_again(), {}
        return twin

    def workers(self) -> list[Backend]:
        """Return a single-threaded backend for each CPU thread; on a GPU, one clone.

        Explaining two frames at the same time is faster than splitting each frame over two threads.
        """
        if self._sessions is None or self.device != "cpu" or self._threads == 1:
            return [self.clone()]
        return [self._single_threaded(self._sessions.single_threaded) for _ in range(self._threads)]

    def _single_threaded(self, sessions: _Sessions) -> OnnxRuntimeBackend:
        worker = self.clone()
        worker._sessions, worker._threads = sessions, 1
        return worker

    def pipeline(self, manifest: Manifest) -> Pipeline:
        """See `Backend.pipeline`: frames are resized on the host."""
        return HostPipeline(self, manifest)

    def close(self) -> None:
        """Release the sessions. Clones stay valid."""
        self._sessions, self._bindings = None, {}

    def _run(
        self, outputs: tuple[str, ...], frames: NDArray[np.uint8], targets: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        if self._sessions is None:
            raise BackendError("the engine is closed; create a new one.")
        session = self._sessions.fused if outputs == OUTPUTS else self._sessions.classifier
        inputs: dict[str, NDArray[Any]] = {"frames": frames, "target": targets}
        try:
            if self.device == "cpu":
                return session.run(outputs, inputs, _quiet(ort.RunOptions()))
            return self._run_bound(session, outputs, inputs)
        except Exception as error:  # the exceptions of ONNX Runtime have no other common base class
            reason = one_line(error)
            raise ModelError(f"ONNX Runtime failed ({reason}); try fewer frames, or export again.") from error

    def _run_bound(
        self, session: ort.InferenceSession, outputs: tuple[str, ...], inputs: dict[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """Run on a GPU, with tensors at fixed addresses and a captured graph for each batch size."""
        batch = len(inputs["frames"])
        if (outputs, batch) not in self._bindings:
            index = int(self.device.partition(":")[2])
            self._bindings[outputs, batch] = Binding(session, outputs, batch, "cuda", index)
        options = _quiet(ort.RunOptions())
        options.add_run_config_entry("gpu_graph_id", str(batch))
        return self._bindings[outputs, batch].run(inputs, options)


class _Sessions:
    """The session of the fused graph, and the sessions that are loaded when they are first needed."""

    def __init__(self, model: bytes, providers: list[Any], threads: int | None) -> None:
        self._model, self._providers, self._threads = model, providers, threads
        self._lock = Lock()
        self._classifier: ort.InferenceSession | None = None
        self._single_threaded: _Sessions | None = None
        self.fused = _open_session(model, providers, threads)

    def load_again(self) -> _Sessions:
        """Return new sessions of the same model."""
        return _Sessions(self._model, self._providers, self._threads)

    @property
    def classifier(self) -> ort.InferenceSession:
        """The session of the classifier's part of the graph."""
        with self._lock:
            if self._classifier is None:
                part = keep_outputs(self._model, CLASSIFIER)
                self._classifier = _open_session(part, self._providers, self._threads)
            return self._classifier

    @property
    def single_threaded(self) -> _Sessions:
        """Sessions with one thread each, for callers that use several threads themselves."""
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
            f"the installed ONNX Runtime has no CUDA, so {device} cannot be used; "
            "`pip uninstall onnxruntime`, then `pip install onnxruntime-gpu`."
        )
    if hasattr(ort, "preload_dlls"):  # the loader does not search NVIDIA's Python packages for CUDA and cuDNN
        ort.preload_dlls()
    return [(_CUDA, {"device_id": int(index), "enable_cuda_graph": "1"}), "CPUExecutionProvider"]


def _open_session(model: bytes, providers: list[Any], threads: int | None) -> ort.InferenceSession:
    options = _quiet(ort.SessionOptions())
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    # Idle threads spin; between two runs that would take the cores from decoding, resizing and drawing.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        session = _load(model, options, providers)
    except Exception as error:  # see `_run`
        reason = one_line(error)
        raise ModelError(f"ONNX Runtime cannot load the model ({reason}); export it again.") from error
    # ONNX Runtime drops a provider whose libraries are missing, without an error.
    if len(providers) > 1 and _CUDA not in session.get_providers():
        raise BackendError(
            "ONNX Runtime could not start CUDA and would have used the CPU; "
            "install its libraries with `pip install 'onnxruntime-gpu[cuda,cudnn]'`, or use device='cpu'."
        )
    return session


def _load(model: bytes, options: ort.SessionOptions, providers: list[Any]) -> ort.InferenceSession:
    """Return a session with CUDA graph capture, or without it where the CPU must execute a node."""
    try:
        return ort.InferenceSession(model, options, providers=providers)
    except Exception as error:
        if "graph capture" not in str(error).lower() and "cuda graph" not in str(error).lower():
            raise
        name, settings = providers[0]
        uncaptured = {key: value for key, value in settings.items() if key != "enable_cuda_graph"}
        return ort.InferenceSession(model, options, providers=[(name, uncaptured), *providers[1:]])


def _check_contract(session: ort.InferenceSession) -> None:
    inputs = {tensor.name: tensor for tensor in session.get_inputs()}
    outputs = {tensor.name: tensor for tensor in session.get_outputs()}
    for kind, expected, found in (("inputs", INPUTS, inputs), ("outputs", OUTPUTS, outputs)):
        if set(found) != set(expected):
            raise ModelError(
                f"the model's {kind} are {', '.join(found)}, not {', '.join(expected)}; "
                "make the file with `whyframe export`."
            )
    for name, tensor in {**inputs, **outputs}.items():
        _check_tensor(name, tensor)
    shape = inputs["frames"].shape[1:]
    if not all(isinstance(size, int) for size in shape) or shape[2] not in (1, 3, 4):
        raise ModelError(
            f"the model's frames are {shape}, not a fixed height x width x 1, 3 or 4; export it again."
        )


def _check_tensor(name: str, tensor: Any) -> None:
    dtype, shape = _CONTRACT[name]
    fits = tensor.type == dtype and len(tensor.shape) == len(shape)
    if not fits or any(
        expected not in (None, size) for expected, size in zip(shape, tensor.shape, strict=True)
    ):
        found = f"{tensor.type} of shape {tensor.shape}"
        raise ModelError(f"the model's {name} is {found}, not {dtype} of {len(shape)} axes; export it again.")
