"""Faithfulness against the time that an explanation takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.report.figures.style import COLOURS, STYLE, panels, tip
from whyframe_evaluation.report.method_summary import MethodSummary, text

__all__ = ["cost", "section"]

_KINDS = ((2, "up to 2 passes"), (100, "up to 100 passes"), (np.inf, "more"))
_PLACES = tuple(
    (radius * np.cos(angle), radius * np.sin(angle))
    for radius in (6, 12, 20, 30)
    for angle in np.pi / 4 * np.array([1, -1, 3, -3, 0, 4, 2, -2])
)


@rc_context(STYLE)
def cost(lines: Sequence[MethodSummary], titles: Mapping[str, str]) -> Figure:
    """MF with its interval over seconds for a picture, a labelled point a method, coloured by its passes.

    Args:
        lines: of the table, those without MF are left out.
        titles: of the methods.
    """
    figure, (axes,) = panels(1, 8.5, 4.8)
    known = [line for line in lines if "faithfulness" in line.cells]
    for line in known:
        _point(axes, line, titles[line.method])
    for kind in sorted({_kind(line) for line in known}):
        axes.plot([], [], "o", color=COLOURS[kind], label=_KINDS[kind][1])
    axes.set(xscale="log", xlabel="seconds for a picture (median, log scale)", ylabel="MF")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.15, y=0.08)
    axes.legend(fontsize=8, loc="lower left")
    _label(figure, axes, [(_seconds(x), x.cells["faithfulness"].mean, titles[x.method]) for x in known])
    return figure


def _point(axes: Axes, line: MethodSummary, title: str) -> None:
    cell = line.cells["faithfulness"]
    passes = line.forward + line.backward
    colour = COLOURS[_kind(line)]
    (bar,) = axes.plot([_seconds(line)] * 2, [cell.low, cell.high], color=colour, alpha=0.3, linewidth=2)
    (dot,) = axes.plot(_seconds(line), cell.mean, "o", color=colour, markersize=6)
    for artist in (bar, dot):
        tip(artist, f"{title}: {text(cell)}, {passes:g} passes, {line.seconds:.2g} s")


def _kind(line: MethodSummary) -> int:
    return next(index for index, (most, _) in enumerate(_KINDS) if line.forward + line.backward <= most)


def _seconds(line: MethodSummary) -> float:
    return max(line.seconds, 1e-4)  # a log axis has no 0


def _label(figure: Figure, axes: Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """Puts each name at the nearest place around its point where it covers no other name and no point."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    pixels = axes.transData.transform([point[:2] for point in points])
    taken = [Bbox.from_extents(x - 5, y - 5, x + 5, y + 5) for x, y in pixels]
    for x, y, name in sorted(points, key=lambda point: -point[1]):
        for dx, dy in _PLACES:
            side = "left" if dx > 1 else "right" if dx < -1 else "center"
            note = axes.annotate(
                name, (x, y), (dx, dy), textcoords="offset points", ha=side, va="center", fontsize=8
            )
            box = note.get_window_extent(renderer)
            if not any(box.overlaps(other) for other in taken) and axes.bbox.contains(box.x0, box.y0):
                break
            if (dx, dy) != _PLACES[-1]:
                note.remove()
        taken.append(box)


def section(material: ReportContext) -> Section | None:
    """Left out where fewer than two methods have a faithfulness."""
    lines = [line for line in material.main if "faithfulness" in line.cells]
    if len(lines) < 2:
        return None
    quick, slow = (pick(lines, key=lambda line: line.seconds) for pick in (min, max))
    return Section(
        "Cost",
        "What faithfulness costs",
        "Left is quick, up is faithful: the best place is the upper left corner. "
        f"{material.titles[quick.method]} takes {_time(quick)}, {material.titles[slow.method]} {_time(slow)}.",
        material.plot("cost", cost(lines, material.titles), "MF over seconds for a picture"),
    )


def _time(line: MethodSummary) -> str:
    passes = line.forward + line.backward
    return f"{line.seconds:.2g} s and {passes:,.0f} pass{'' if passes == 1 else 'es'} a picture"
