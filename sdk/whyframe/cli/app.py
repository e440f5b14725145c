"""The list of commands: those of the runtime, and those that other parts register."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer

from whyframe import __version__
from whyframe.cli.bench import bench
from whyframe.cli.demo import demo
from whyframe.cli.doctor import doctor
from whyframe.cli.info import info
from whyframe.cli.run import run
from whyframe.errors import WhyframeError

__all__ = ["COMMAND_GROUP", "build_app"]

COMMAND_GROUP = "whyframe.commands"
"""Entry points of this group are commands; ``train = "package.module:function [extra]"`` names its extra."""

_HELP = """What does the classifier see, and which pixels made it say so, in every frame of a video?

\b
whyframe demo                       explain two bundled pictures
whyframe run clip.mp4 -o out.mp4    draw the explanation on a video
whyframe run 0 --json               one line of JSON a frame, from a camera
whyframe doctor                     what this machine can run, and what would add the rest
whyframe COMMAND --help             more, with examples
"""


def build_app() -> typer.Typer:
    """The application with every command, whether or not the extra that it needs is installed."""
    app = typer.Typer(
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for command in (run, demo, info, bench, doctor):
        app.command()(command)
    for entry in sorted(entry_points(group=COMMAND_GROUP), key=lambda entry: entry.name):
        command, settings = _load(entry)
        app.command(entry.name, context_settings=settings)(command)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"whyframe {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Holds the options of the program itself."""


def _load(entry: EntryPoint) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The command of an entry point, and its settings; without its extra, a command that says so."""
    try:
        command = entry.load()
    except ModuleNotFoundError as error:
        return _refusal(_missing_extra(entry, error)), {"ignore_unknown_options": True}

    @functools.wraps(command)
    def run_command(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ModuleNotFoundError as error:
            raise _missing_extra(entry, error) from error

    return run_command, {}


def _refusal(error: WhyframeError) -> Callable[..., Any]:
    """A command that takes any arguments and raises."""

    def refuse(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:  # noqa: ARG001
        raise error

    refuse.__doc__ = f"Not installed: {error}"
    return refuse


def _missing_extra(entry: EntryPoint, error: ModuleNotFoundError) -> WhyframeError:
    extra = f"[{','.join(entry.extras)}]" if entry.extras else ""
    return WhyframeError(
        f"`whyframe {entry.name}` needs {error.name}, which is not installed; pip install 'whyframe{extra}'."
    )
