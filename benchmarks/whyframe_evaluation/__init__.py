"""Evaluation of explanation methods: faithfulness, boxes and cost on the same images, as a resumable report.

Example:
    >>> from whyframe_evaluation import evaluate, write_report
    >>> result = evaluate("resnet50", ["photos"], "cam,ct,rise", "report")
    >>> write_report(result)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whyframe_evaluation.evaluator import EvaluationOptions, evaluate
    from whyframe_evaluation.report.writer import write_report
    from whyframe_evaluation.summary.evaluation_result import EvaluationResult

__all__ = ["EvaluationOptions", "EvaluationResult", "evaluate", "write_report"]

# Looked up on first use, because these modules import PyTorch.
_LAZY = {
    "EvaluationOptions": "whyframe_evaluation.evaluator",
    "EvaluationResult": "whyframe_evaluation.summary.evaluation_result",
    "evaluate": "whyframe_evaluation.evaluator",
    "write_report": "whyframe_evaluation.report.writer",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
