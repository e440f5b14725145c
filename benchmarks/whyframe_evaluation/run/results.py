"""What was done and measured, a line of JSON each, written as it comes, so that an interrupted study goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from whyframe.errors import WhyframeError

__all__ = ["EvaluationError", "MapResult", "ResultFile"]

Values = Mapping[str, float | None]
Lists = Mapping[str, list[float] | None]


class EvaluationError(WhyframeError):
    """A report folder that belongs to another study, or is damaged."""


@dataclass(frozen=True)
class MapResult:
    """One method on one picture.

    Attributes:
        method: its name.
        file: the picture's key.
        target: class explained.
        values: of the measures taken so far, by name; None where one does not apply.
        curves: likewise, see `CURVES`.
        forward: passes through the classifier that the method made.
        backward: passes back.
        seconds: that it took.
        error: why there is no map, where it failed.
        digest: of what was explained, see `Sample.digest`.
    """

    method: str
    file: str
    target: int
    values: dict[str, float | None] = field(default_factory=dict)
    forward: float = 0
    backward: float = 0
    seconds: float = 0.0
    error: str = ""
    digest: str = ""
    curves: dict[str, list[float] | None] = field(default_factory=dict)


class ResultFile:
    """The file of rows. A later line about the same method and picture replaces an earlier one, or adds values to it.

    Args:
        path: made where it is missing.
        settings: what every row depends on; written first, and compared on resuming.

    Raises:
        EvaluationError: the file was written with other settings, or is not one of ours.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path = path
        self._rows: dict[tuple[str, str], MapResult] = {}
        lines = list(_whole_lines(path))
        if lines and lines[0] != {"settings": settings}:
            raise EvaluationError(f"{path} holds another study; give another folder with -o, or remove it.")
        try:
            for line in lines[1:]:
                self._take(line)
        except (TypeError, KeyError) as error:
            raise EvaluationError(f"{path} is damaged ({error}); remove it.") from error
        text = "".join(json.dumps(line) + "\n" for line in (lines or [{"settings": settings}]))
        path.write_text(text, encoding="utf-8")  # without a line that an interruption has cut

    @property
    def rows(self) -> list[MapResult]:
        """Everything kept, in the order of first trial."""
        return list(self._rows.values())

    def get(self, method: str, file: str) -> MapResult | None:
        """What a method gave for a picture; None where it was not tried."""
        return self._rows.get((method, file))

    def add(self, row: MapResult) -> None:
        """Keeps a row."""
        self._keep(asdict(row))

    def add_values(self, row: MapResult, values: Values, curves: Lists) -> None:
        """Keeps more values of a row that is kept already."""
        more = {"values": dict(values), "curves": dict(curves)}
        self._keep({"method": row.method, "file": row.file, **more})

    def _keep(self, line: dict[str, Any]) -> None:
        self._take(line)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _take(self, line: dict[str, Any]) -> None:
        key = line["method"], line["file"]
        if "target" in line:
            self._rows[key] = MapResult(**line)
        else:
            row = self._rows[key]
            self._rows[key] = replace(
                row, values=row.values | line["values"], curves=row.curves | line["curves"]
            )


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise EvaluationError(f"{path} is damaged ({error}); remove it.") from error
