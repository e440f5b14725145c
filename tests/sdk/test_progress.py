"""The progress bar, on a stderr that is a terminal and on a stderr that is not."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import pytest

from whyframe.progress import ProgressBar, progress_bar

_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal(io.StringIO):
    """Text stream that reports that it is a terminal."""

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        """Return everything written so far, without the escape sequences."""
        return _ESCAPE_SEQUENCE.sub("", self.getvalue())

    def last_line(self) -> str:
        """Return the last state of the bar."""
        return re.split(r"[\r\n]+", self.text().strip())[-1]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


@contextmanager
def bar_on(
    stream: io.StringIO, description: str, total: int | None, **options: object
) -> Iterator[ProgressBar]:
    """Show a bar on a stream. Redirected here: pytest replaces a stderr that a fixture has set."""
    with redirect_stderr(stream), progress_bar(description, total, **options) as bar:
        yield bar


def test_nothing_is_shown_where_stderr_is_not_a_terminal() -> None:
    stream = io.StringIO()
    with bar_on(stream, "training", 3) as bar:
        bar.advance("loss 0.5")
    assert stream.getvalue() == ""


def test_a_hidden_bar_shows_nothing_on_a_terminal(terminal: Terminal) -> None:
    with bar_on(terminal, "training", 3, hidden=True) as bar:
        bar.advance("loss 0.5")
    assert terminal.getvalue() == ""


def test_description_count_and_note_are_shown(terminal: Terminal) -> None:
    with bar_on(terminal, "training", 3) as bar:
        bar.advance("loss 0.5")
        bar.advance("loss 0.25")
    assert terminal.last_line().startswith("training ")
    assert "2/3" in terminal.last_line()
    assert terminal.last_line().endswith("loss 0.25")


def test_a_note_stays_until_the_next_note(terminal: Terminal) -> None:
    with bar_on(terminal, "training", 3) as bar:
        bar.advance("loss 0.5")
        bar.advance()
    assert "2/3" in terminal.last_line()
    assert terminal.last_line().endswith("loss 0.5")


def test_several_steps_can_be_added_at_once(terminal: Terminal) -> None:
    with bar_on(terminal, "training", 10) as bar:
        bar.advance(steps=4)
    assert "4/10" in terminal.last_line()


def test_resumed_work_starts_at_the_completed_steps(terminal: Terminal) -> None:
    with bar_on(terminal, "training", 10, completed=7):
        pass
    assert "7/10" in terminal.text()
    assert "0/10" not in terminal.text()


def test_an_unknown_total_is_shown_as_a_question_mark(terminal: Terminal) -> None:
    with bar_on(terminal, "camera 0", None) as bar:
        bar.advance()
    assert "1/?" in terminal.last_line()


def test_the_bar_is_erased_at_the_end(terminal: Terminal) -> None:
    with bar_on(terminal, "training", 1) as bar:
        bar.advance()
    assert terminal.getvalue().endswith("\x1b[2K")


def test_square_brackets_in_a_description_are_kept(terminal: Terminal) -> None:
    with bar_on(terminal, "clip[red].mp4", 1):
        pass
    assert "clip[red].mp4" in terminal.text()
