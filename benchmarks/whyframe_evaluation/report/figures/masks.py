"""The maps of every method side by side (Fig. 5 of the first paper, left)."""

from __future__ import annotations

from whyframe_evaluation.report.figures.image_grid import Column, Grid, grid_figure, grid_html, heat, row
from whyframe_evaluation.report.figures.report_context import ReportContext, Section

__all__ = ["masks", "section"]


def masks(material: ReportContext) -> Grid:
    """Rows are pictures, columns methods; each map is drawn on its own scale."""
    methods = [line.method for line in material.main]
    columns = [Column("picture"), *(Column(material.titles[name]) for name in methods)]
    rows = [
        row(material, one, (material.mask_of(name, one.file) for name in methods), heat)
        for one in material.pictures
    ]
    return Grid(columns, rows)


def section(material: ReportContext) -> Section | None:
    """Left out where no picture is to be shown."""
    if not material.pictures:
        return None
    grid = masks(material)
    material.save("masks", grid_figure(grid))
    return Section(
        "Maps",
        "The maps side by side",
        "Bare is low and red is high, on each map's own scale: compare shapes, not shades. A good map covers the "
        "object and grades its parts; speckles outside it are noise. White boxes are annotated objects.",
        grid_html(grid),
    )
