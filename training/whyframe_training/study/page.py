"""The report as one HTML file that needs no other: the table, the maps side by side, what failed, what it means."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.overlay import blend, heat_tables
from whyframe_training.study.measures import MEASURES
from whyframe_training.study.store import Row
from whyframe_training.study.subjects import Subject
from whyframe_training.study.summary import Line, text

__all__ = ["page"]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}
table{border-collapse:collapse;width:100%}th,td{padding:.35rem .6rem;text-align:left;border-bottom:1px solid #ddd}
td.best{font-weight:700}.bar{height:.35rem;background:#2b6cb0;border-radius:2px}small{color:#666}
.maps{overflow-x:auto}.maps td{padding:.2rem;border:0;text-align:center}.maps img{width:112px;display:block}
"""
_TILE = 160
_BRIGHTEST = 99.5  # percentile of a map that is drawn in full


def page(
    facts: Mapping[str, Any],
    lines: Sequence[Line],
    rows: Sequence[Row],
    shown: Sequence[Subject],
    labels: Sequence[str],
    mask_of: Callable[[str, int], NDArray[np.float32] | None],
) -> str:
    """The page.

    Args:
        facts: what was done: data, classifier, budget, command.
        lines: of the table.
        rows: for what failed.
        shown: pictures whose maps are drawn.
        labels: of the classes.
        mask_of: a method's map of the n-th shown picture, None where there is none.
    """
    body = [
        "<h1>Explanations, compared</h1>",
        f"<p>{escape('; '.join(f'{name}: {value}' for name, value in facts.items()))}</p>",
        _table(lines),
        _legend(),
        "<h2>The maps side by side</h2>",
        _maps([line.method for line in lines], shown, labels, mask_of),
        _failures(rows),
    ]
    head = f'<meta charset="utf-8"><title>whyframe evaluate</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _table(lines: Sequence[Line]) -> str:
    heads = "".join(f"<th>{escape(one.title)}</th>" for one in MEASURES.values())
    body = "".join(_row(line, lines) for line in lines)
    return f"<table><tr><th>method</th>{heads}<th>passes</th><th>seconds</th></tr>{body}</table>"


def _row(line: Line, lines: Sequence[Line]) -> str:
    cells = "".join(_cell(name, line, lines) for name in MEASURES)
    passes = f"{line.forward:g}<small> + {line.backward:g} back</small>"
    return f"<tr><td>{escape(line.method)}</td>{cells}<td>{passes}</td><td>{line.seconds:.2f}</td></tr>"


def _cell(name: str, line: Line, lines: Sequence[Line]) -> str:
    cell = line.cells.get(name)
    if cell is None:
        return "<td>-</td>"
    means = [other.cells[name].mean for other in lines if name in other.cells]
    best = MEASURES[name].rising is not None and cell.mean == max(means)
    share = max(cell.mean, 0) / max(max(means), 1e-9)
    return (
        f'<td{" class=best" if best else ""} title="{escape(text(cell))}">{cell.mean:.2f} '
        f"<small>{cell.low:.1f}–{cell.high:.1f}, n={cell.count}</small>"
        f'<div class="bar" style="width:{100 * share:.0f}%"></div></td>'
    )


def _legend() -> str:
    items = "".join(f"<li><b>{escape(one.title)}</b>: {escape(one.says)}</li>" for one in MEASURES.values())
    return (
        f"<ul>{items}<li><b>passes</b>: forward and backward passes through the classifier that were really made for "
        "a picture (median).</li></ul><p><small>Means over pictures with 95 % bootstrap intervals; n is the number "
        "of pictures of that cell.</small></p>"
    )


def _maps(
    methods: Sequence[str],
    shown: Sequence[Subject],
    labels: Sequence[str],
    mask_of: Callable[[str, int], NDArray[np.float32] | None],
) -> str:
    heads = "".join(f"<td><small>{escape(name)}</small></td>" for name in ("picture", *methods))
    lines = [f"<tr>{heads}</tr>"]
    for index, subject in enumerate(shown):
        frame = _picture(subject)
        tiles = [_image(frame, labels[subject.target])]
        tiles += [_tile(frame, mask_of(name, index), name) for name in methods]
        lines.append("<tr>" + "".join(f"<td>{tile}</td>" for tile in tiles) + "</tr>")
    return f'<div class="maps"><table>{"".join(lines)}</table></div>'


def _tile(frame: NDArray[np.uint8], mask: NDArray[np.float32] | None, name: str) -> str:
    if mask is None:
        return "<small>none</small>"
    # A gradient's few extreme pixels would leave the rest dark: they are drawn as high, not as the scale.
    low, high = float(mask.min()), float(np.percentile(mask, _BRIGHTEST))
    scores = np.clip((mask - low) / (high - low if high > low else 1), 0, 1).astype(np.float32)
    large = cv2.resize(scores, (_TILE, _TILE), interpolation=cv2.INTER_LINEAR)
    return _image(blend(frame, large, *heat_tables()), name)  # type: ignore[arg-type]


def _picture(subject: Subject) -> NDArray[np.uint8]:
    frame = np.uint8(255 * subject.image.permute(1, 2, 0).cpu().numpy()[..., ::-1])
    return cv2.resize(frame, (_TILE, _TILE), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _image(frame: NDArray[np.uint8], alt: str) -> str:
    _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])
    coded = base64.b64encode(data.tobytes()).decode()
    return f'<img alt="{escape(alt)}" title="{escape(alt)}" src="data:image/jpeg;base64,{coded}">'


def _failures(rows: Sequence[Row]) -> str:
    failed = [row for row in rows if row.error]
    if not failed:
        return ""
    items = "".join(f"<li>{escape(f'{row.method} on {row.file}: {row.error}')}</li>" for row in failed)
    return f"<h2>What failed</h2><ul>{items}</ul>"
