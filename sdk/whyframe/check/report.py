"""Report of a check as a picture or as a page: for each image the frame, the model's input, and both answers."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.errors import OutputError
from whyframe.files import atomic_write
from whyframe.opencv import IMAGE_SUFFIXES, write_image

__all__ = ["SUFFIXES", "Entry", "check_report_path", "write_report"]

SUFFIXES = (".html", *IMAGE_SUFFIXES)

_HEIGHT, _TEXT_WIDTH, _MARGIN = 240, 560, 12
_FONT, _LINE = cv2.FONT_HERSHEY_SIMPLEX, 22

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.3rem .8rem;border-bottom:1px solid #ddd;text-align:left;
vertical-align:top}img{height:180px;image-rendering:auto}h2{margin-top:2rem}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#161616}th,td{border-color:#444}}"""


@dataclass(frozen=True, eq=False)
class Entry:
    """One image of a report.

    Attributes:
        title: Name of the file, and its difference.
        frame: Decoded frame, H x W x 3 uint8 BGR.
        model_input: The model's input, S x S x 3 uint8 BGR.
        answers: The most probable classes with their probabilities, by the name of who answers.
    """

    title: str
    frame: NDArray[np.uint8]
    model_input: NDArray[np.uint8]
    answers: dict[str, list[tuple[str, float]]]


def check_report_path(path: Path) -> None:
    """Refuse a path that is not that of an image or a page, before the work begins.

    Raises:
        OutputError: The suffix is unknown, or the folder does not exist.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{path} is neither a page nor an image; end it in .html or .png.")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} does not exist; create the folder first.")


def write_report(
    path: Path, title: str, tables: Sequence[Sequence[Sequence[str]]], entries: Sequence[Entry]
) -> None:
    """Write a report.

    Args:
        path: The file to write; its suffix chooses the format.
        title: Result of the check in a sentence.
        tables: Tables of text, by row and column; the first row of each is its heading. A picture has none.
        entries: The images to show.

    Raises:
        OutputError: The file cannot be written.
    """
    if path.suffix.lower() == ".html":
        atomic_write(path, _page(title, tables, entries).encode())
    else:
        write_image(path, _picture(title, entries))


def _picture(title: str, entries: Sequence[Entry]) -> NDArray[np.uint8]:
    rows = [_row(entry) for entry in entries]
    width = max(row.shape[1] for row in rows)
    heading = np.full((2 * _LINE, width, 3), 255, np.uint8)
    _write(heading, title, _MARGIN, _LINE)
    padded = [
        cv2.copyMakeBorder(r, 0, _MARGIN, 0, width - r.shape[1], cv2.BORDER_CONSTANT, value=(255, 255, 255))
        for r in rows
    ]
    return np.vstack([heading, *padded]).astype(np.uint8)


def _row(entry: Entry) -> NDArray[np.uint8]:
    text = np.full((_HEIGHT, _TEXT_WIDTH, 3), 255, np.uint8)
    _write(text, entry.title, _MARGIN, _LINE)
    y = 2 * _LINE
    for name, classes in entry.answers.items():
        _write(text, name, _MARGIN, y)
        for label, probability in classes:
            y += _LINE
            _write(text, f"{probability:.4f}  {label}", 3 * _MARGIN, y)
        y += round(1.3 * _LINE)
    return np.hstack([_scaled(entry.frame), _gap(), _scaled(entry.model_input), text]).astype(np.uint8)


def _gap() -> NDArray[np.uint8]:
    return np.full((_HEIGHT, _MARGIN, 3), 255, np.uint8)


def _scaled(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image at the height of a row, at most twice as wide as high."""
    height, width = image.shape[:2]
    shown = min(2 * _HEIGHT, max(1, round(width * _HEIGHT / height)))
    return cv2.resize(image, (shown, _HEIGHT), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _write(image: NDArray[np.uint8], text: str, x: int, y: int) -> None:
    plain = text.encode("ascii", "replace").decode()  # OpenCV's font has no other characters
    cv2.putText(image, plain, (x, y), _FONT, 0.5, (30, 30, 30), 1, cv2.LINE_AA)


def _page(title: str, tables: Sequence[Sequence[Sequence[str]]], entries: Sequence[Entry]) -> str:
    body = [f"<h1>{html.escape(title)}</h1>", *map(_table, tables), *map(_section, entries)]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>whyframe check</title>"
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    first, *rest = rows
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in first)
    lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rest)
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _section(entry: Entry) -> str:
    names = ["frame", "the model's input", *entry.answers]
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    images = "".join(f"<td>{_image(image)}</td>" for image in (entry.frame, entry.model_input))
    answers = "".join(
        "<td>" + "<br>".join(f"{p:.4f} {html.escape(label)}" for label, p in classes) + "</td>"
        for classes in entry.answers.values()
    )
    return f"<h2>{html.escape(entry.title)}</h2><table><tr>{heads}</tr><tr>{images}{answers}</tr></table>"


def _image(image: NDArray[np.uint8]) -> str:
    _, data = cv2.imencode(".png", _scaled(image))
    return f"<img alt='' src='data:image/png;base64,{base64.b64encode(data.tobytes()).decode()}'>"
