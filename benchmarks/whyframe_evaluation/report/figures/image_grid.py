"""Pictures with maps over them, in rows and columns."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whyframe.colormap import blend, blend_tables
from whyframe_evaluation.report.figures.report_context import Mask, ReportContext
from whyframe_evaluation.report.figures.style import STYLE
from whyframe_evaluation.run.samples import Sample

__all__ = ["TILE", "Column", "Grid", "grid_figure", "grid_html", "heat", "heat_in_range", "photograph", "row"]

TILE = 160
_GAP = 6
_BRIGHTEST = 99.5  # percentile of a map that is drawn in full
_BOX = (255, 255, 255)

Tile = NDArray[np.uint8]


@dataclass(frozen=True)
class Column:
    """A column of a grid.

    Attributes:
        title: above it.
        foot: below it, such as what was measured.
        head: HTML below its title.
    """

    title: str
    foot: str = ""
    head: str = ""


@dataclass(frozen=True)
class Grid:
    """Tiles in rows and columns.

    Attributes:
        columns: from the left.
        rows: each a name and as many `TILE` x `TILE` x 3 uint8 BGR tiles; None where there is none.
    """

    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[Tile | None]]]


def photograph(subject: Sample) -> Tile:
    """The picture with its boxes."""
    return _boxed(_frame(subject), subject)


def heat(subject: Sample, mask: Mask | None) -> Tile | None:
    """A map of any range over its picture, drawn from its own lowest score to its highest.

    Scores below 0 are evidence against the class and stay bare. A gradient's few extreme pixels would leave the
    rest bare, too: they are drawn as high, not as the scale.
    """
    if mask is None:
        return None
    low, high = float(mask.min()), float(np.percentile(mask, _BRIGHTEST))
    low = max(low, 0.0) if high > 0 else low
    return heat_in_range(subject, (mask - low) / (high - low if high > low else 1))


def heat_in_range(subject: Sample, mask: Mask | None) -> Tile | None:
    """A map in [0, 1] over its picture, drawn as it is, so that two maps can be compared by their colours."""
    if mask is None:
        return None
    scores = np.clip(mask, 0, 1).astype(np.float32)
    large = cv2.resize(scores, (TILE, TILE), interpolation=cv2.INTER_LINEAR)
    return _boxed(blend(_frame(subject), large, *blend_tables()), subject)  # type: ignore[arg-type]


def row(
    material: ReportContext,
    subject: Sample,
    masks: Iterable[Mask | None],
    draw: Callable[[Sample, Mask | None], Tile | None] = heat_in_range,
) -> tuple[str, list[Tile | None]]:
    """A row of a grid: the explained class, its photograph, and masks over it.

    Args:
        material: of the study.
        subject: the picture.
        masks: from the left, h x w; None where there is none.
        draw: `heat_in_range` or `heat`.
    """
    return material.label(subject), [photograph(subject), *(draw(subject, mask) for mask in masks)]


def _frame(subject: Sample) -> Tile:
    return cv2.resize(subject.frame[..., ::-1], (TILE, TILE), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _boxed(tile: Tile, subject: Sample) -> Tile:
    scale = TILE / subject.image.shape[-1]
    for box in subject.boxes:
        x1, y1, x2, y2 = (round(v * scale) for v in box)
        cv2.rectangle(tile, (x1, y1), (min(x2, TILE) - 1, min(y2, TILE) - 1), _BOX, 1)
    return tile


def grid_html(grid: Grid) -> str:
    """The grid as a table that scrolls sideways under its first column."""
    heads = "".join(f"<th><span>{escape(one.title)}</span>{one.head}</th>" for one in grid.columns)
    rows = "".join(_row_html(name, tiles, grid.columns) for name, tiles in grid.rows)
    feet = ""
    if any(one.foot for one in grid.columns):
        feet = (
            "<tr>" + "".join(f"<td><small>{escape(one.foot)}</small></td>" for one in grid.columns) + "</tr>"
        )
    return (
        f'<div class="grid"><table><thead><tr>{heads}</tr></thead><tbody>{rows}{feet}</tbody></table></div>'
    )


def _row_html(name: str, tiles: Sequence[Tile | None], columns: Sequence[Column]) -> str:
    cells = (
        _image(tile, f"{name}: {column.title}") if tile is not None else "<small>none</small>"
        for tile, column in zip(tiles, columns, strict=True)
    )
    first, *others = (f"<td>{cell}</td>" for cell in cells)
    return f"<tr>{first.removesuffix('</td>')}<small>{escape(name)}</small></td>{''.join(others)}</tr>"


def _image(tile: Tile, description: str) -> str:
    _, data = cv2.imencode(".jpg", tile, [cv2.IMWRITE_JPEG_QUALITY, 85])
    coded = base64.b64encode(data.tobytes()).decode()
    return f'<img alt="{escape(description)}" title="{escape(description)}" src="data:image/jpeg;base64,{coded}">'


@rc_context(STYLE)
def grid_figure(grid: Grid) -> Figure:
    """The grid as one picture, with the titles above it and the feet below."""
    sheet = np.vstack([_strip(tiles) for _, tiles in grid.rows])
    height, width = (side / 100 for side in sheet.shape[:2])
    figure = Figure(figsize=(width, height + 1.2), dpi=100)  # a tile's pixel is a pixel
    axes = figure.add_axes((0, 0.55 / (height + 1.2), 1, height / (height + 1.2)))
    axes.imshow(sheet[..., ::-1])
    axes.set_axis_off()
    for index, column in enumerate(grid.columns):
        centre = index * (TILE + _GAP) + TILE / 2
        axes.text(centre, -8, textwrap.fill(column.title, 22), ha="center", va="bottom", fontsize=9)
        axes.text(centre, len(sheet) + 4, column.foot, ha="center", va="top", fontsize=8)
    return figure


def _strip(tiles: Sequence[Tile | None]) -> Tile:
    """A row on white, with a gap after each tile."""
    strip = np.full((TILE + _GAP, len(tiles) * (TILE + _GAP), 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        if tile is not None:
            left = index * (TILE + _GAP)
            strip[:TILE, left : left + TILE] = tile
    return strip
