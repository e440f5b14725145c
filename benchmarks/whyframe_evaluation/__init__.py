"""Evaluation of explanation methods: faithfulness, boxes and cost on the same images, as a resumable report.

Examples:
    >>> from whyframe_evaluation import evaluate, write_report
    >>> result = evaluate("resnet50", ["photos"], "cam,ct,rise", "report")
    >>> write_report(result)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whyframe.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from whyframe_evaluation.evaluator import EvaluationOptions, evaluate
    from whyframe_evaluation.report.writer import write_report
    from whyframe_evaluation.summary.evaluation_result import EvaluationResult

__all__ = ["EvaluationOptions", "EvaluationResult", "evaluate", "write_report"]

# Looked up on first use, because these modules import PyTorch.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "EvaluationOptions": "whyframe_evaluation.evaluator",
        "EvaluationResult": "whyframe_evaluation.summary.evaluation_result",
        "evaluate": "whyframe_evaluation.evaluator",
        "write_report": "whyframe_evaluation.report.writer",
    },
)
