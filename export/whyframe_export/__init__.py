"""Export of explained classifiers: from a trained run to one fused ONNX file, and from that file to an engine.

Example:
    >>> from whyframe_export import compile_engine, export
    >>> report = export("runs/lite0", "model.onnx")  # needs PyTorch
    >>> report.passes()
    True
    >>> engine = compile_engine("model.onnx", "model.engine", precision="fp16")  # needs TensorRT, not PyTorch
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whyframe_export.compile import compile_engine
    from whyframe_export.onnx_export import export
    from whyframe_export.parity import ParityError, ParityReport
    from whyframe_export.precision import PrecisionError

__all__ = ["ParityError", "ParityReport", "PrecisionError", "compile_engine", "export"]

# Imported on first use: `export` needs PyTorch, which takes seconds to import and which `compile_engine` does not need.
_LAZY = {
    "ParityError": "whyframe_export.parity",
    "ParityReport": "whyframe_export.parity",
    "PrecisionError": "whyframe_export.precision",
    "compile_engine": "whyframe_export.compile",
    "export": "whyframe_export.onnx_export",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
