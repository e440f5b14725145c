"""The report as one HTML file that needs no other file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from whyframe.colormap import blend, blend_tables
from whyframe_evaluation.report.figures import (
    ablations,
    area_weight,
    artefacts,
    controller_shapes,
    experiment_tables,
    faithfulness_cost,
    masks,
    method_table,
    ranking,
    recovery_curves,
    refined_masks,
    theory,
)
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.rendering import read_asset, render

__all__ = ["render_page"]

# The sections in the order of the page, each with a hint that the page shows where the section is missing.
_SECTIONS: tuple[tuple[Callable[[ReportContext], Section | None], str], ...] = (
    (ranking.section, ""),
    (masks.section, masks.HINT),
    (faithfulness_cost.section, faithfulness_cost.HINT),
    (method_table.section, ""),
    (recovery_curves.section, recovery_curves.HINT),
    (controller_shapes.section, controller_shapes.HINT),
    (refined_masks.section, refined_masks.HINT),
    (ablations.section, ablations.HINT),
    (area_weight.section, area_weight.HINT),
    (experiment_tables.section, ""),
    (theory.section, ""),
    (artefacts.section, artefacts.HINT),
)


def render_page(context: ReportContext) -> str:
    """Return the HTML of the page, and write its figures to the report folder, too."""
    sections = [(section(context), hint) for section, hint in _SECTIONS]
    failures = [result for result in context.result.map_results if result.error]
    return render(
        "page.html.j2",
        style=read_asset("page.css"),
        script=read_asset("page.js"),
        facts=context.result.facts,
        method_count=len(context.result.method_summaries),
        verdict=ranking.verdict(context, "faithfulness"),
        sections=[section for section, _ in sections if section is not None],
        hints=[hint for section, hint in sections if section is None and hint],
        failures=failures,
        failure_counts=Counter(result.method for result in failures),
        colour_stops=_colour_stops(),
        has_images=bool(context.shown_samples),
    )


def _colour_stops() -> str:
    """Return the colours of maps from low to high, for a CSS gradient."""
    grey = np.full((1, 9, 3), 190, np.uint8)
    colours = blend(grey, np.linspace(0, 1, 9, dtype=np.float32)[None], *blend_tables())[0, :, ::-1]
    return ",".join(f"rgb({r},{g},{b})" for r, g, b in colours.tolist())
