"""Every raw value, a line of JSON each, written as it is measured: an interrupted study goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from whyframe.errors import WhyframeError

__all__ = ["Row", "Store", "StudyError"]


class StudyError(WhyframeError):
    """A report folder that belongs to another study, or is damaged."""


@dataclass(frozen=True)
class Row:
    """One method on one picture.

    Attributes:
        method: its name.
        file: the picture's.
        target: class explained.
        values: by measure; None where it does not apply.
        forward: passes through the classifier that the method made.
        backward: passes back.
        seconds: that it took.
        error: why there are no values, where it failed.
    """

    method: str
    file: str
    target: int
    values: dict[str, float | None] = field(default_factory=dict)
    forward: float = 0
    backward: float = 0
    seconds: float = 0.0
    error: str = ""


class Store:
    """The file of rows.

    Args:
        path: made where it is missing.
        settings: what every row was measured with; written first, and compared on resuming.

    Raises:
        StudyError: the file was written with other settings, or is not one of ours.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path = path
        lines = list(_whole_lines(path))
        if lines and lines[0] != {"settings": settings}:
            raise StudyError(f"{path} holds another study; give another folder with -o, or remove it.")
        try:
            self.rows = [Row(**line) for line in lines[1:]]
        except TypeError as error:
            raise StudyError(f"{path} is damaged ({error}); remove it.") from error
        text = "".join(json.dumps(line) + "\n" for line in (lines or [{"settings": settings}]))
        path.write_text(text, encoding="utf-8")  # without a line that an interruption has cut

    def has(self, method: str, file: str) -> bool:
        """Whether a method has been tried on a picture."""
        return any(row.method == method and row.file == file for row in self.rows)

    def add(self, row: Row) -> None:
        """Keeps a row."""
        self.rows.append(row)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row)) + "\n")


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise StudyError(f"{path} is damaged ({error}); remove it.") from error
