"""What the terms of the constrained loss do to MGnet and to CT (Fig. 6, right, and Fig. 2(a, b) of the first paper)."""

from __future__ import annotations

from collections.abc import Mapping

from whyframe_evaluation.report.figures.image_grid import Column, Grid, grid_figure, grid_html, row
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.method_summary import COLUMNS

__all__ = ["CT", "MGNET", "ablation", "numbers", "section"]

MGNET = {
    "mgnet-av8": "all terms",
    "mgnet-no-av": "λav = 0",
    "mgnet-no-bg": "λbg = 0",
    "mgnet-no-tv": "λtv = 0",
    "mgnet-no-bg-tv": "λbg = λtv = 0",
}
CT = {
    "ct-all": "all terms",
    "ct-no-av": "λav = 0",
    "ct-no-av-bg": "λav = λbg = 0",
    "ct-no-av-tv": "λav = λtv = 0",
    "ct-1.5-2.5": "no term",
}
ADD = "The terms of the loss (Fig. 6): --methods mgnet-regularisers,ct-regularisers"

_UNDER = ("faithfulness", "pr_auc")


def ablation(material: ReportContext, settings: Mapping[str, str]) -> Grid | None:
    """Rows are pictures, columns settings, with their numbers under them; None for fewer than two settings.

    Args:
        material: of the study.
        settings: by method, the title of its column.
    """
    methods = material.present(tuple(settings))
    if len(methods) < 2 or not material.pictures:
        return None
    columns = [Column("picture"), *(Column(settings[name], numbers(material, name)) for name in methods)]
    rows = [
        row(material, one, (material.mask_of(name, one.file) for name in methods))
        for one in material.pictures
    ]
    return Grid(columns, rows)


def numbers(material: ReportContext, method: str) -> str:
    """A method's headline numbers in a few characters, ``MF 71.2, PR-AUC 80.1``."""
    cells = ((name, material.cell(method, name)) for name in _UNDER)
    return ", ".join(f"{COLUMNS[name].title} {cell.mean:.1f}" for name, cell in cells if cell is not None)


def section(material: ReportContext) -> Section | None:
    """Left out where neither grid has two settings."""
    body = ""
    for name, title, settings in (("mgnet", "MGnet", MGNET), ("ct", "CT", CT)):
        grid = ablation(material, settings)
        if grid is not None:
            material.save(f"ablation-{name}", grid_figure(grid))
            body += f"<h3>{title}</h3>{grid_html(grid)}"
    if not body:
        return None
    return Section(
        "Loss terms",
        "The terms of the loss, one by one",
        "Both are trained with all constraints of Eq. 2, then without some. Look for how much a row changes: a method "
        "whose masks stay the same needs no tuning of weights. All masks are drawn from 0 (bare) to 1 (red).",
        body,
    )
