"""Results of an evaluation in a file of JSON lines, appended as they arrive, so that an interrupted run resumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from whyframe.errors import WhyframeError
from whyframe.files import append_line, atomic_write, json_text
from whyframe.json_reader import parse_json

__all__ = ["EvaluationError", "MapResult", "ResultFile"]

Values = Mapping[str, float | None]
Curves = Mapping[str, list[float] | None]


class EvaluationError(WhyframeError):
    """A report folder that belongs to another evaluation or is damaged, or an evaluation without samples."""


@dataclass(frozen=True)
class MapResult:
    """Result of one method on one sample.

    The attributes' names are the keys of ``values.jsonl``.

    Attributes:
        method: Name of the method.
        file: Name of the sample, see `Sample.file`.
        target: Id of the explained class.
        values: Metrics computed so far, by name of `METRICS`; None where a metric does not apply.
        forward: Number of forward passes through the classifier that the method made.
        backward: Number of backward passes.
        seconds: Time that the method took, in seconds.
        error: Message of the error; "" where the method succeeded.
        digest: Digest of the sample and of the method's weights; a change invalidates the result.
        curves: Curves computed so far, by name of `CURVES`; None where a curve does not apply.
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
    """A file of results.

    A later line about the same method and sample replaces the earlier one, or adds values to it.

    Args:
        path: Path of the file; created where it is missing.
        settings: Settings that all results depend on: the first line of the file, which must be equal on resuming.

    Raises:
        EvaluationError: The file was written with other settings, or it is damaged.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path = path
        self._results: dict[tuple[str, str], MapResult] = {}
        entries = list(_complete_lines(path))
        if entries and entries[0] != {"settings": settings}:
            raise EvaluationError(
                f"{path} holds another evaluation (another classifier or version of whyframe); "
                "give another folder with -o, or remove the file."
            )
        try:
            for entry in entries[1:]:
                self._apply(entry)
        except (TypeError, KeyError) as error:
            raise EvaluationError(
                f"{path} is damaged ({error}); remove it and run the same command again."
            ) from error
        text = "".join(json_text(entry) + "\n" for entry in (entries or [{"settings": settings}]))
        atomic_write(path, text.encode())  # drops a last line that an interruption has cut

    @property
    def results(self) -> list[MapResult]:
        """Results of all methods and samples, in the order in which they were first added."""
        return list(self._results.values())

    def get(self, method: str, file: str) -> MapResult | None:
        """Return the result of a method on a sample, or None where there is no result."""
        return self._results.get((method, file))

    def add(self, result: MapResult) -> None:
        """Append a result."""
        self._append(asdict(result))

    def add_values(self, result: MapResult, values: Values, curves: Curves) -> None:
        """Append more values and curves of a result that is in the file already."""
        more = {"values": dict(values), "curves": dict(curves)}
        self._append({"method": result.method, "file": result.file, **more})

    def _append(self, entry: dict[str, Any]) -> None:
        self._apply(entry)
        append_line(self._path, json_text(entry))

    def _apply(self, entry: dict[str, Any]) -> None:
        key = entry["method"], entry["file"]
        if "target" in entry:
            self._results[key] = MapResult(**entry)
        else:
            result = self._results[key]
            self._results[key] = replace(
                result, values=result.values | entry["values"], curves=result.curves | entry["curves"]
            )


def _complete_lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            try:
                yield parse_json(line)
            except ValueError as error:
                raise EvaluationError(
                    f"{path} is damaged ({error}); remove it and run the same command again."
                ) from error
