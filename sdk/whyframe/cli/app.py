"""The application: the commands of the runtime, and the commands that other packages register."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer

from whyframe import __version__
from whyframe.cli.bench import bench
from whyframe.cli.check import check
from whyframe.cli.demo import demo
from whyframe.cli.doctor import doctor
from whyframe.cli.info import info
from whyframe.cli.run import run
from whyframe.cli.signals import end_on_signals
from whyframe.errors import WhyframeError

__all__ = ["COMMAND_GROUP", "build_app", "run_app"]

COMMAND_GROUP = "whyframe.commands"
"""Entry point group of commands: ``train = "package.module:function [extra]"`` also names the extra it needs."""

_EXPLAIN, _INSPECT, _MODELS = "Explain frames", "Inspect models and this machine", "Make and evaluate models"
_PANELS = {
    "run": _EXPLAIN,
    "demo": _EXPLAIN,
    "check": _INSPECT,
    "info": _INSPECT,
    "inspect": _INSPECT,
    "bench": _INSPECT,
    "doctor": _INSPECT,
    "train": _MODELS,
    "export": _MODELS,
    "compile": _MODELS,
    "evaluate": _MODELS,
}
"""Heading of each command in the help, in the order in which commands are listed."""

_HELP = """Explain an image classifier frame by frame: which class it predicts, and which pixels are the reason.

Examples:
  whyframe demo                       explain two bundled images
  whyframe run clip.mp4 -o out.mp4    draw the explanation on a video
  whyframe run 0 --json               explain a camera; print JSON lines
  whyframe check model.onnx photos/   check a model, beside your own pipeline
  whyframe doctor                     check the installation
  whyframe COMMAND --help             show the help of a command

Exit status: 0 success, 1 an error, 2 a usage error, 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP.
"""


def build_app() -> typer.Typer:
    """Return the application with every command, including those whose extra is not installed."""
    app = typer.Typer(
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for command in (run, demo, check, info, bench, doctor):
        app.command(rich_help_panel=_PANELS[command.__name__])(command)
    for entry in sorted(entry_points(group=COMMAND_GROUP), key=_position):
        function, settings = _load(entry)
        panel = _PANELS.get(entry.name, "Other commands")
        app.command(entry.name, context_settings=settings, rich_help_panel=panel)(function)
    return app


def run_app() -> int:
    """Run the command of ``sys.argv``, and return its exit status.

    Raises:
        BrokenPipeError: The reader of the output has ended.
        OSError: A file cannot be read or written.
        WhyframeError: The command failed.
    """
    stdout, stderr = sys.stdout, sys.stderr
    try:
        with end_on_signals():
            build_app()(prog_name="whyframe")
    except SystemExit as end:
        # Typer ends with status 1 after a broken pipe, as after an error, and wraps the streams.
        sys.stdout, sys.stderr = stdout, stderr
        if end.code == 1 and isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _position(entry: EntryPoint) -> tuple[int, str]:
    """Return the sort key of a command: its place in the table of panels; unknown commands last, by name."""
    names = list(_PANELS)
    return (names.index(entry.name) if entry.name in names else len(names), entry.name)


def _show_version(requested: bool) -> None:
    if requested:
        print(f"whyframe {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            help="With an error, show the traceback of its cause; also after the command, or as WHYFRAME_VERBOSE=1.",
        ),
    ] = False,
) -> None:
    """Define the options of the program itself."""


def _load(entry: EntryPoint) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return the function of an entry point and its settings.

    Where its extra is not installed, the function raises an error that names the extra.
    """
    try:
        command = entry.load()
    except ModuleNotFoundError as error:
        return _unavailable(_missing_extra(entry, error)), {"ignore_unknown_options": True}

    @functools.wraps(command)
    def run_command(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ModuleNotFoundError as error:
            raise _missing_extra(entry, error) from error

    return run_command, {}


def _unavailable(error: WhyframeError) -> Callable[..., Any]:
    """Return a command that accepts any arguments and raises the error."""
    from rich.markup import escape

    def refuse(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:  # noqa: ARG001
        raise error

    refuse.__doc__ = f"Not available: {escape(str(error))}"
    return refuse


def _missing_extra(entry: EntryPoint, error: ModuleNotFoundError) -> WhyframeError:
    extra = f"[{','.join(entry.extras)}]" if entry.extras else ""
    return WhyframeError(
        f"`whyframe {entry.name}` needs {error.name}, which is not installed; pip install 'whyframe{extra}'."
    )
