"""Images with maps over them, in rows and columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe.colormap import blend, blend_tables
from whyframe_evaluation.report.figures.report_context import Mask, ReportContext
from whyframe_evaluation.report.figures.style import STYLE
from whyframe_evaluation.report.rendering import render
from whyframe_evaluation.run.samples import Sample

__all__ = [
    "TILE",
    "Grid",
    "GridColumn",
    "GridRow",
    "draw_image",
    "draw_on_own_scale",
    "draw_on_unit_scale",
    "grid_figure",
    "grid_html",
    "grid_row",
    "mask_row",
]

TILE = 160
"""Height and width of a tile in pixels."""

_GAP = 6
_FULL_COLOUR_PERCENTILE = 99.5
_BOX_COLOUR = (255, 255, 255)

Tile = NDArray[np.uint8]


@dataclass(frozen=True)
class GridColumn:
    """A column of a grid.

    Attributes:
        title: Text above the column.
        foot: Text below the column, such as a measured value.
        head: HTML (a `Markup`) below the title.
    """

    title: str
    foot: str = ""
    head: str | Markup = ""


class GridRow(NamedTuple):
    """A row of a grid.

    Attributes:
        name: Text of the row, such as the explained class.
        tiles: `TILE` x `TILE` x 3 uint8 BGR images, one for each column; None where there is no image.
    """

    name: str
    tiles: Sequence[Tile | None]


@dataclass(frozen=True)
class Grid:
    """Tiles in rows and columns.

    Attributes:
        columns: The columns, from the left.
        rows: The rows, from the top.
    """

    columns: Sequence[GridColumn]
    rows: Sequence[GridRow]


def draw_image(sample: Sample) -> Tile:
    """Return the image with its boxes."""
    return _draw_boxes(_resize(sample), sample)


def draw_on_own_scale(sample: Sample, mask: Mask | None) -> Tile | None:
    """Return the image with a map of any range over it, coloured from its lowest score to its highest.

    Scores below 0 are evidence against the class and stay uncoloured. The highest 0.5 % of the scores share the full
    colour: otherwise the few extreme pixels of a gradient would leave all others uncoloured.
    """
    if mask is None:
        return None
    low, high = float(mask.min()), float(np.percentile(mask, _FULL_COLOUR_PERCENTILE))
    low = max(low, 0.0) if high > 0 else low
    return draw_on_unit_scale(sample, (mask - low) / (high - low if high > low else 1))


def draw_on_unit_scale(sample: Sample, mask: Mask | None) -> Tile | None:
    """Return the image with a map over it, coloured from 0 to 1, so that the colours of two maps can be compared."""
    if mask is None:
        return None
    scores = np.clip(mask, 0, 1).astype(np.float32)
    large = cv2.resize(scores, (TILE, TILE), interpolation=cv2.INTER_LINEAR)
    return _draw_boxes(blend(_resize(sample), large, *blend_tables()), sample)  # type: ignore[arg-type]


def mask_row(
    context: ReportContext,
    sample: Sample,
    masks: Iterable[Mask | None],
    draw: Callable[[Sample, Mask | None], Tile | None] = draw_on_unit_scale,
) -> GridRow:
    """Return a row with the explained class, the image, and masks over it.

    Args:
        context: The evaluation.
        sample: The sample of the row.
        masks: Masks from the left, h x w each; None where there is none.
        draw: `draw_on_unit_scale` or `draw_on_own_scale`.
    """
    return GridRow(context.label(sample), [draw_image(sample), *(draw(sample, mask) for mask in masks)])


def grid_row(
    context: ReportContext,
    sample: Sample,
    methods: Iterable[str],
    draw: Callable[[Sample, Mask | None], Tile | None] = draw_on_unit_scale,
) -> GridRow:
    """Return a row as `mask_row` does, with the maps of methods given by their names."""
    return mask_row(context, sample, (context.result.mask(name, sample.file) for name in methods), draw)


def _resize(sample: Sample) -> Tile:
    """Return the image as a tile, BGR: a grey image with equal channels, an image with alpha without it."""
    frame = sample.frame if sample.frame.shape[2] > 1 else sample.frame.repeat(3, axis=2)
    bgr = np.ascontiguousarray(frame[..., 2::-1])
    return cv2.resize(bgr, (TILE, TILE), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _draw_boxes(tile: Tile, sample: Sample) -> Tile:
    height, width = sample.image.shape[-2:]
    scales = (TILE / width, TILE / height) * 2
    for box in sample.boxes:
        x1, y1, x2, y2 = (round(v * scale) for v, scale in zip(box, scales, strict=True))
        cv2.rectangle(tile, (x1, y1), (min(x2, TILE) - 1, min(y2, TILE) - 1), _BOX_COLOUR, 1)
    return tile


def grid_html(grid: Grid) -> Markup:
    """Return the grid as a table that scrolls sideways under its first column."""
    return render("image_grid.html.j2", grid=grid)


@rc_context(STYLE)
def grid_figure(grid: Grid) -> Figure:
    """Return the grid as one figure, with the titles above it and the feet below."""
    sheet = np.vstack([_strip(row.tiles) for row in grid.rows])
    height, width = (side / 100 for side in sheet.shape[:2])
    figure = Figure(figsize=(width, height + 1.2), dpi=100)  # a pixel of a tile is a pixel of the figure
    axes = figure.add_axes((0, 0.55 / (height + 1.2), 1, height / (height + 1.2)))
    axes.imshow(sheet[..., ::-1])
    axes.set_axis_off()
    for index, column in enumerate(grid.columns):
        centre = index * (TILE + _GAP) + TILE / 2
        axes.text(centre, -8, textwrap.fill(column.title, 22), ha="center", va="bottom", fontsize=9)
        axes.text(centre, len(sheet) + 4, column.foot, ha="center", va="top", fontsize=8)
    return figure


def _strip(tiles: Sequence[Tile | None]) -> Tile:
    """Return a row of tiles on white, with a gap after each."""
    strip = np.full((TILE + _GAP, len(tiles) * (TILE + _GAP), 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        if tile is not None:
            left = index * (TILE + _GAP)
            strip[:TILE, left : left + TILE] = tile
    return strip
