"""Backends: the runtimes that execute a fused model."""

from __future__ import annotations

from whyframe.backends.base import Backend
from whyframe.errors import BackendError
from whyframe.modelfile import ENGINE_MAGIC

__all__ = ["Backend", "open_backend"]

BACKENDS = ("auto", "onnxruntime", "tensorrt")


def open_backend(name: str, model: bytes, device: str | None = None, threads: int | None = None) -> Backend:
    """Load a fused model into a backend.

    Args:
        name: ``"onnxruntime"``, ``"tensorrt"`` or ``"auto"``, which chooses by the kind of file; ``Backend.reason``
            explains the choice. A backend given by name is never replaced by another.
        model: Content of a fused ONNX file, or of a compiled engine.
        device: ``"cpu"``, or ``"cuda:N"`` for GPU number N; None for the CPU or, with TensorRT, for the first GPU.
        threads: Number of CPU threads of one call; None for all cores that this process may use.

    Returns:
        The loaded backend.

    Raises:
        BackendError: The backend or the device is unknown, or cannot be used on this machine.
        ModelError: The model cannot be loaded, or breaks the graph contract.
    """
    if name not in BACKENDS:
        raise BackendError(f"there is no backend {name!r}; choose one of {', '.join(BACKENDS)}.")
    if threads is not None and threads < 1:
        raise BackendError(f"threads is {threads}; give at least 1, or None for all cores.")
    compiled = model.startswith(ENGINE_MAGIC)
    if name == "tensorrt" or (name == "auto" and compiled):
        reason = "requested" if name != "auto" else "chosen by auto: the model is a compiled engine"
        from whyframe.backends.tensorrt import open_tensorrt

        return open_tensorrt(model, device or "cuda:0", reason)
    if compiled:
        raise BackendError("the model is a compiled engine; use backend='tensorrt', or give the ONNX file.")
    from whyframe.backends.onnxruntime import OnnxRuntimeBackend

    reason = (
        "requested"
        if name != "auto"
        else f"chosen by auto: it runs an ONNX file on {device or 'cpu'} without compiling it"
    )
    return OnnxRuntimeBackend(model, device or "cpu", threads, reason)
