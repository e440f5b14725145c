"""The runtimes that execute a fused model, behind one function."""

from __future__ import annotations

from whyframe.backends.base import Backend
from whyframe.errors import BackendError
from whyframe.modelfile import ENGINE_MAGIC

__all__ = ["Backend", "open_backend"]

BACKENDS = ("auto", "onnxruntime", "tensorrt")


def open_backend(name: str, model: bytes, device: str | None = None, threads: int | None = None) -> Backend:
    """Loads a fused model into a runtime.

    Args:
        name: ``"onnxruntime"``, ``"tensorrt"``, or ``"auto"`` to choose; the choice is told by
            ``Backend.reason``. A backend named explicitly is used or refused, never replaced.
        model: Content of a fused ONNX file, or of an engine file.
        device: ``"cpu"``, or ``"cuda:N"`` for the GPU of index N; None for the CPU, with TensorRT for the first GPU.
        threads: CPU threads inside one call; None takes the cores this process may use.

    Returns:
        The loaded backend.

    Raises:
        BackendError: The backend or the device is unknown, or is not available here.
        ModelError: The model cannot be loaded or does not keep the graph contract.
    """
    if name not in BACKENDS:
        raise BackendError(f"there is no backend {name!r}; choose one of {', '.join(BACKENDS)}.")
    if threads is not None and threads < 1:
        raise BackendError(f"threads is {threads}; give at least 1, or None for all the cores.")
    compiled = model.startswith(ENGINE_MAGIC)
    if name == "tensorrt" or (name == "auto" and compiled):
        reason = "asked for" if name != "auto" else "chosen by auto: the model is a compiled engine"
        from whyframe.backends.tensorrt import open_tensorrt

        return open_tensorrt(model, device or "cuda:0", reason)
    if compiled:
        raise BackendError("the model is a compiled engine; use backend='tensorrt', or give the ONNX file.")
    from whyframe.backends.onnxruntime import OnnxRuntimeBackend

    reason = (
        "asked for"
        if name != "auto"
        else f"chosen by auto: it runs an ONNX file on {device or 'cpu'} as it is"
    )
    return OnnxRuntimeBackend(model, device or "cpu", threads, reason)
