"""The section on what the controller does by itself, whatever was studied: Figs. 7 and 3 of the first paper."""

from __future__ import annotations

from whyframe_evaluation.report.figures.densities import densities
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.shapes import shapes

__all__ = ["section"]


def section(material: ReportContext) -> Section:
    """Always there: it needs no method."""
    body = (
        material.plot("densities", densities(), "CT's score densities by eta and h")
        + "<p>And on logits that are not normal (grey, scaled to the range), η 1.5 and h 2.5 give the blue scores:</p>"
        + material.plot("shapes", shapes(), "CT on four distributions, before and after")
    )
    return Section(
        "Densities",
        "How CT shapes scores",
        "If the logits are normal, η 1.5 makes scores nearly uniform (a), and h above 1 then moves most of them down "
        "and leaves a light tail at the right (d). η 0.5 hardly uses high scores (b), η 2.5 stacks them (c).",
        body,
    )
