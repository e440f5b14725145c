"""The runtimes that execute a fused model, behind one function."""

from __future__ import annotations

from whyframe.backends.base import Backend
from whyframe.errors import BackendError

__all__ = ["Backend", "open_backend"]

BACKENDS = ("auto", "onnxruntime", "tensorrt")


def open_backend(name: str, model: bytes, device: str = "cpu", threads: int | None = None) -> Backend:
    """Loads a fused model into a runtime.

    Args:
        name: ``"onnxruntime"``, or ``"auto"`` to choose; the choice is told by ``Backend.reason``. A backend
            named explicitly is used or refused, never replaced.
        model: Content of the fused ONNX file.
        device: ``"cpu"``, or ``"cuda:N"`` for the GPU of index N.
        threads: CPU threads inside one call; None takes the cores this process may use.

    Returns:
        The loaded backend.

    Raises:
        BackendError: The backend or the device is unknown, or is not available here.
        ModelError: The model cannot be loaded or does not keep the graph contract.
    """
    if name not in BACKENDS:
        raise BackendError(f"there is no backend {name!r}; choose one of {', '.join(BACKENDS)}.")
    if name == "tensorrt":
        raise BackendError("this version has no TensorRT runtime yet; use backend='onnxruntime'.")
    if threads is not None and threads < 1:
        raise BackendError(f"threads is {threads}; give at least 1, or None for all the cores.")
    from whyframe.backends.onnxruntime import OnnxRuntimeBackend

    reason = (
        "asked for" if name != "auto" else f"chosen by auto: the only runtime of this version for {device}"
    )
    return OnnxRuntimeBackend(model, device, threads, reason)
