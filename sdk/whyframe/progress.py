"""A progress bar on stderr, the same for every command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from whyframe.printable import printable

__all__ = ["ProgressBar", "progress_bar"]


class ProgressBar:
    """Handle of a running progress bar.

    Args:
        progress: The display that draws the bar.
        task: The bar's id in that display.
    """

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, note: str | None = None, *, steps: int = 1) -> None:
        """Add finished steps.

        Args:
            note: Text shown beside the bar from now on, such as the current loss; None keeps the present text.
            steps: Number of steps finished since the last call.
        """
        self._progress.advance(self._task, steps)
        if note is not None:
            self._progress.update(self._task, note=note)


class _RateColumn(ProgressColumn):
    """Recent speed in units per second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} {self._unit}/s")


@contextmanager
def progress_bar(
    description: str,
    total: int | None,
    *,
    unit: str = "",
    completed: int = 0,
    keep: bool = False,
    hidden: bool = False,
) -> Iterator[ProgressBar]:
    """Show a bar with the count, the speed and the remaining time while a block runs.

    Nothing is shown where stderr is not a terminal.

    Args:
        description: Name of the work, shown at the left.
        total: Number of steps; None where it is not known.
        unit: Name of a step for the speed column, such as ``"frames"``; no speed is shown without it.
        completed: Number of steps finished earlier, for resumed work.
        keep: Leave the finished bar, with its last note, on the terminal; otherwise it is erased.
        hidden: Show nothing.

    Yields:
        The handle whose `ProgressBar.advance` is called after each step.
    """
    rate = (_RateColumn(unit),) if unit else ()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        *rate,
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    disabled = hidden or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=disabled, transient=not keep) as progress:
        yield ProgressBar(
            progress, progress.add_task(printable(description), total=total, completed=completed, note="")
        )
