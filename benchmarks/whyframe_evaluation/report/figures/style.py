"""How every plot looks, and how it becomes SVG for the page (light and dark) and PNG for the folder."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

__all__ = ["COLOURS", "INK", "LINE", "SOFT", "STYLE", "panels", "png", "svg", "tip"]

INK, SOFT, LINE = "#1d2127", "#68707c", "#dadee5"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b04a8f", "#c98a00", "#4a8fb8")
"""After Okabe and Ito's palette, which the colour-blind tell apart."""

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
    "svg.hashsalt": "whyframe",  # the same figure gives the same file
}

_SCREEN = 105  # pixels an inch at most: a plot's letters are as large as the page's

# The page says what the colours are in either scheme.
_VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)"} | {
    colour: f"var(--c{index})" for index, colour in enumerate(COLOURS)
}


def panels(count: int, width: float, height: float, *, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side; call it and draw on it within ``rc_context(STYLE)``.

    Args:
        count: of panels.
        width: of the whole in inches.
        height: likewise.
        share_y: whether the panels have one vertical axis.
    """
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=0.06), dpi=160)
    axes = figure.subplots(1, count, squeeze=False, sharey=share_y)
    return figure, list(axes[0])


def tip(artist: Any, description: str) -> None:
    """Lets the page say something while the pointer rests on an artist."""
    artist.set_gid(f"tip:{description}")


def svg(figure: Figure, description: str) -> str:
    """The figure as an element of the page, its inks and colours those of the page's scheme.

    Args:
        figure: to draw.
        description: what it shows, for those who do not see it.
    """
    buffer = io.StringIO()
    width = round(_SCREEN * figure.get_figwidth())
    with rc_context(STYLE):
        figure.savefig(buffer, format="svg", facecolor="none", edgecolor="none", metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>", "", text[text.index("<svg") :], flags=re.DOTALL
    )
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(
        r'<svg [^>]*?(viewBox="[^"]*")[^>]*>',
        rf'<svg \1 style="max-width:{width}px;stroke-linejoin:round" role="img" aria-label="{escape(description)}">',
        text,
    )
    text = re.sub(r"""<g id=(["'])tip:(.*?)\1>""", r"<g><title>\2</title>", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text


def png(figure: Figure) -> bytes:
    """The figure on white, as a file's content."""
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi="figure", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()
