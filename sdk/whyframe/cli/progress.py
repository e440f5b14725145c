"""A progress bar on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = ["progress_bar"]


class _Rate(ProgressColumn):
    """Frames a second, lately."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} fps")


@contextmanager
def progress_bar(name: str, total: int | None, *, hidden: bool = False) -> Iterator[Callable[[], None]]:
    """A bar with the count, the rate and the time left.

    Args:
        name: what is being worked on.
        total: how many steps there are; None where nobody knows.
        hidden: show nothing, as where stderr is no terminal.

    Yields:
        A function that advances the bar by one.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), _Rate())
    console = Console(stderr=True)
    shown = not hidden and sys.stderr.isatty()
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda: bar.advance(task)
