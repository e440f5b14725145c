"""Section on the terms of the constrained loss for MGnet and CT (Fu et al. 2022, Fig. 6, right, and Fig. 2(a, b))."""

from __future__ import annotations

from collections.abc import Mapping

from whyframe_evaluation.report.figures.image_grid import Grid, GridColumn, grid_figure, grid_html, grid_row
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.rendering import render
from whyframe_evaluation.summary.method_summary import COLUMNS

__all__ = ["CT", "HINT", "MGNET", "ablation_grid", "headline_values", "section"]

MGNET = {
    "mgnet-av8": "all terms",
    "mgnet-no-av": "λav = 0",
    "mgnet-no-bg": "λbg = 0",
    "mgnet-no-tv": "λtv = 0",
    "mgnet-no-bg-tv": "λbg = λtv = 0",
}
"""Titles of the settings of MGnet, by method."""

CT = {
    "ct-all": "all terms",
    "ct-no-av": "λav = 0",
    "ct-no-av-bg": "λav = λbg = 0",
    "ct-no-av-tv": "λav = λtv = 0",
    "ct-1.5-2.5": "no term",
}
"""Titles of the settings of CT, by method."""

HINT = "The terms of the loss (Fu et al. 2022, Fig. 6): --methods mgnet-regularisers,ct-regularisers"


def ablation_grid(context: ReportContext, settings: Mapping[str, str]) -> Grid | None:
    """Return a grid whose rows are images and whose columns are settings, with the settings' values under them.

    Args:
        context: The evaluation.
        settings: Titles of the settings, by method.

    Returns:
        The grid, or None for fewer than two settings.
    """
    methods = context.methods_with_maps(tuple(settings))
    if len(methods) < 2 or not context.shown_samples:
        return None
    columns = [GridColumn(settings[name], headline_values(context, name)) for name in methods]
    rows = [grid_row(context, sample, methods) for sample in context.shown_samples]
    return Grid([GridColumn("image"), *columns], rows)


def headline_values(context: ReportContext, method: str) -> str:
    """Return a method's headline values in a few characters, such as ``MF 71.2, PR-AUC 80.1``."""
    values = ((name, context.estimate(method, name)) for name in ("faithfulness", "pr_auc"))
    return ", ".join(f"{COLUMNS[name].title} {value.mean:.1f}" for name, value in values if value is not None)


def section(context: ReportContext) -> Section | None:
    """Return the section, or None where neither grid has two settings."""
    parts = []
    for name, title, settings in (("mgnet", "MGnet", MGNET), ("ct", "CT", CT)):
        grid = ablation_grid(context, settings)
        if grid is not None:
            context.save_figure(f"ablation-{name}", grid_figure(grid))
            parts.append((title, grid_html(grid)))
    if not parts:
        return None
    return Section(
        "Loss terms",
        "The terms of the loss",
        "Both methods are trained with all constraints (Fu et al. 2022, Eq. 2), then without some of them. Look at "
        "how much a row changes: a method whose masks stay the same needs no tuning of weights. All masks are drawn "
        "from 0 (uncoloured) to 1 (red).",
        render("titled_parts.html.j2", parts=parts),
        has_maps=True,
    )
