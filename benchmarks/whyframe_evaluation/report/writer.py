"""The report folder of a finished evaluation: tables, values and the HTML page."""

from __future__ import annotations

from pathlib import Path

from whyframe.files import atomic_write
from whyframe_evaluation.report.figures.report_context import ReportContext
from whyframe_evaluation.report.markdown import markdown_report
from whyframe_evaluation.report.page import render_page
from whyframe_evaluation.report.values_document import values_document
from whyframe_evaluation.summary.evaluation_result import EvaluationResult
from whyframe_training.folder_lock import FolderLock

__all__ = ["write_report"]


def write_report(result: EvaluationResult, *, shown: int = 6) -> Path:
    """Write ``table.md``, ``values.json``, ``report.html`` and ``figures/`` to the folder of an evaluation.

    Args:
        result: Results of `evaluate`.
        shown: Number of images whose maps the page shows.

    Returns:
        Path of the HTML page, which needs no other file.

    Raises:
        OutputError: A file cannot be written, or another process uses the folder.
    """
    folder = result.folder
    with FolderLock(folder):
        atomic_write(folder / "table.md", markdown_report(result).encode())
        atomic_write(folder / "values.json", values_document(result).encode())
        return atomic_write(folder / "report.html", render_page(ReportContext(result, shown)).encode())
