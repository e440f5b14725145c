"""Section with the maps of every method side by side (Fu et al. 2022, Fig. 5, left)."""

from __future__ import annotations

from whyframe_evaluation.report.figures.image_grid import (
    Grid,
    GridColumn,
    draw_on_own_scale,
    grid_figure,
    grid_html,
    grid_row,
)
from whyframe_evaluation.report.figures.report_context import ReportContext, Section

__all__ = ["HINT", "map_grid", "section"]

HINT = "The maps side by side: --shown 6"


def map_grid(context: ReportContext) -> Grid:
    """Return a grid whose rows are images and whose columns are methods; each map is drawn on its own scale."""
    methods = [summary.method for summary in context.main_summaries]
    columns = [GridColumn("image"), *(GridColumn(context.titles[name]) for name in methods)]
    rows = [grid_row(context, sample, methods, draw_on_own_scale) for sample in context.shown_samples]
    return Grid(columns, rows)


def section(context: ReportContext) -> Section | None:
    """Return the section, or None where no image is to be shown."""
    if not context.shown_samples:
        return None
    grid = map_grid(context)
    context.save_figure("masks", grid_figure(grid))
    return Section(
        "Maps",
        "The maps side by side",
        "Uncoloured is low and red is high, on each map's own scale: compare shapes, not shades. A good map covers the "
        "object and grades its parts; speckles outside the object are noise. White boxes are annotated objects.",
        grid_html(grid),
        has_maps=True,
    )
