"""Section on the controller itself, independent of the evaluation (Fu et al. 2022, Figs. 7 and 3)."""

from __future__ import annotations

from whyframe_evaluation.report.figures.densities import plot_densities
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.shapes import plot_shapes
from whyframe_evaluation.report.rendering import render

__all__ = ["section"]


def section(context: ReportContext) -> Section:
    """Return the section, which every report has."""
    body = render(
        "theory.html.j2",
        densities=context.plot("densities", plot_densities(), "CT's score densities by eta and h"),
        shapes=context.plot("shapes", plot_shapes(), "CT on four distributions, before and after"),
    )
    return Section(
        "Densities",
        "How CT shapes scores",
        "If the logits are normally distributed, η 1.5 makes the scores nearly uniform (a); an h above 1 then moves "
        "most of them down and leaves a light tail at the right (d). With η 0.5 high scores hardly occur (b), with "
        "η 2.5 the scores concentrate near 0 and 1 (c).",
        body,
    )
