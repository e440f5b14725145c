"""Style of the plots, and their conversion to SVG for the page (light and dark) and to PNG files."""

from __future__ import annotations

import io
import re
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

__all__ = ["COLOURS", "INK", "LINE", "SOFT", "STYLE", "add_tooltip", "panels", "png", "svg"]

INK, SOFT, LINE = "#1d2127", "#68707c", "#dadee5"
"""Colours of text, of secondary text and of lines."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b04a8f", "#c98a00", "#4a8fb8")
"""Colours of the data, after the palette of Okabe and Ito, which colour-blind readers can distinguish."""

STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "whyframe",  # makes the ids, and so the file, reproducible
}
"""Matplotlib settings of every plot, for `matplotlib.rc_context`."""

_PIXELS_PER_INCH = 105  # largest size on the page: the letters of a plot are as large as those of the page

# The style sheet of the page defines these variables for its light and its dark scheme.
_VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)"} | {
    colour: f"var(--c{index})" for index, colour in enumerate(COLOURS)
}


def panels(count: int, width: float, height: float, *, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side; call it and draw on it within ``rc_context(STYLE)``.

    Args:
        count: Number of panels.
        width: Width of the figure in inches.
        height: Height of the figure in inches.
        share_y: Whether the panels share the vertical axis.
    """
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=0.06), dpi=160)
    axes = figure.subplots(1, count, squeeze=False, sharey=share_y)
    return figure, list(axes[0])


def add_tooltip(artist: Any, description: str) -> None:
    """Show a text on the page while the pointer rests on an artist."""
    artist.set_gid(f"tip:{description}")


def svg(figure: Figure, description: str) -> Markup:
    """Return the figure as an SVG element, in the colours of the page's light or dark scheme.

    Args:
        figure: The figure.
        description: Content of the figure, for readers who cannot see it.
    """
    buffer = io.StringIO()
    width = round(_PIXELS_PER_INCH * figure.get_figwidth())
    with rc_context(STYLE):
        figure.savefig(buffer, format="svg", facecolor="none", edgecolor="none", metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>", "", text[text.index("<svg") :], flags=re.DOTALL
    )
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    attributes = (
        f'style="max-width:{width}px;stroke-linejoin:round" role="img" aria-label="{escape(description)}"'
    )
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', lambda match: f"<svg {match[1]} {attributes}>", text)
    text = re.sub(r"""<g id=(["'])tip:(.*?)\1>""", r"<g><title>\2</title>", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return Markup(text)  # Matplotlib escapes the texts of a figure


def png(figure: Figure) -> bytes:
    """Return the figure on white as the bytes of a PNG file."""
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi="figure", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()
