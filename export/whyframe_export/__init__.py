"""Export of explained classifiers: from a trained run to one fused ONNX file, and from that file to an engine.

Examples:
    >>> from whyframe_export import compile_engine, export
    >>> report = export("runs/lite0", "model.onnx")  # needs PyTorch
    >>> report.passes()
    True
    >>> engine = compile_engine("model.onnx", "model.engine", precision="fp16")  # needs TensorRT, not PyTorch
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whyframe.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from whyframe_export.compile import compile_engine
    from whyframe_export.onnx_export import export
    from whyframe_export.parity import ParityError, ParityReport
    from whyframe_export.precision import PrecisionError

__all__ = ["ParityError", "ParityReport", "PrecisionError", "compile_engine", "export"]

# Imported on first use: `export` needs PyTorch, which takes seconds to import and which `compile_engine` does not need.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ParityError": "whyframe_export.parity",
        "ParityReport": "whyframe_export.parity",
        "PrecisionError": "whyframe_export.precision",
        "compile_engine": "whyframe_export.compile",
        "export": "whyframe_export.onnx_export",
    },
)
