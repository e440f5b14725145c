"""``whyframe run``: the explanation of a video, an image, a folder of images, a camera or a network address."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyframe.cli.options import (
    Backend,
    Device,
    Json,
    Live,
    Matte,
    MaxMegapixels,
    Model,
    Target,
    Threads,
    open_engine,
)
from whyframe.cli.summary import RunSummary
from whyframe.errors import StreamError
from whyframe.files import json_text
from whyframe.printable import printable
from whyframe.progress import progress_bar

if TYPE_CHECKING:
    from whyframe.explanation import Explanation
    from whyframe.video.sources import Source

__all__ = ["run"]

_DRAWING = "Drawing"
_LIVE = "Live sources"

_Input = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="Path of a video, an animation, an image or a folder of images; number of a camera, such as 0; or address "
        "of a stream, such as rtsp://camera.local/stream.",
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Path to write: an image for an image, a folder for a folder, and otherwise a video (.mp4, .mkv "
        "or .mov) or, for an animation, an animated .gif, .webp or .png, or a .tif of pages.",
        show_default="INPUT-explained in the current folder; with --json no file",
    ),
]
_Versus = Annotated[
    str | None,
    typer.Option(
        help="Class to explain the target against, by its name or its id: the map shows what speaks for the target "
        "rather than for this class.",
        show_default="none",
    ),
]
_Refine = Annotated[
    int,
    typer.Option(
        min=0,
        help="Number of refinement steps for each frame. Each step classifies the frame once more and makes "
        "the map finer; more than 32 steps add little.",
    ),
]
_MaxFrames = Annotated[
    int | None, typer.Option(min=1, help="Number of frames after which to stop.", show_default="all frames")
]
_ReconnectFlag = Annotated[
    bool,
    typer.Option(
        "--reconnect",
        help="Connect a camera or a live stream again where it ends, breaks or stalls. Without it the run ends with "
        "exit status 1.",
        rich_help_panel=_LIVE,
    ),
]
_GiveUp = Annotated[
    float,
    typer.Option(
        "--give-up",
        min=0.1,
        metavar="SECONDS",
        help="Time without a frame after which --reconnect ends the run, in seconds.",
        rich_help_panel=_LIVE,
    ),
]
_Colormap = Annotated[
    str,
    typer.Option(
        help="Colours of the map: an OpenCV colour map, such as turbo, viridis or inferno.",
        rich_help_panel=_DRAWING,
    ),
]
_Opacity = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Opacity of the map at its highest score. It decreases with the score and with the probability "
        "of the class.",
        rich_help_panel=_DRAWING,
    ),
]
_Caption = Annotated[
    bool,
    typer.Option(
        "--caption/--no-caption",
        help="Write the class and its probability at the bottom of each frame.",
        rich_help_panel=_DRAWING,
    ),
]


def run(
    source: _Input,
    output: _Output = None,
    target: Target = None,
    versus: _Versus = None,
    refine: _Refine = 0,
    max_frames: _MaxFrames = None,
    as_json: Json = False,
    live: Live = None,
    reconnect: _ReconnectFlag = False,
    give_up: _GiveUp = 300.0,
    colormap: _Colormap = "turbo",
    opacity: _Opacity = 0.75,
    caption: _Caption = True,
    model: Model = None,
    backend: Backend = "auto",
    device: Device = None,
    threads: Threads = None,
    matte: Matte = "white",
    max_megapixels: MaxMegapixels = None,
) -> None:
    """Explain a video, an image, a folder of images, a camera or a network stream.

    For each frame the explanation is drawn as a map in colour, with the class
    and its probability. A video keeps its frames, size and frame rate, and its
    sound. Ctrl-C ends the run; the output then holds
    the frames explained so far.

    Examples:
      whyframe run clip.mp4 -o out.mp4
      whyframe run photo.jpg --target espresso -o why.png
      whyframe run photo.jpg --target espresso --versus cup -o why.png
      whyframe run photos/ -o explained/ --colormap viridis --no-caption
      whyframe run 0 --max-frames 300
      whyframe run rtsp://camera.local/stream --json --reconnect

    Fields of --json, one object per line and frame:
      index        position of the frame in the input, from 0
      timestamp    time of the frame in seconds; null for images
      class_id     id of the explained class
      label        name of the explained class
      contrast     name of the class of --versus, or null
      probability  probability of the explained class, from 0 to 1
      top5         the five most probable classes: label, probability, class_id
      labels_above_threshold  the labels of a multi-label model that are
                   present, as in top5; null where classes exclude each other
      no_signal    true where the map carries no information and is not drawn
      flat         the same value as no_signal (deprecated)
      peak         x and y of the highest score in pixels; null without signal
      timings      time of each stage in milliseconds
      file         name of the image file; only for an image or a folder
      dropped      number of frames dropped just before; only for a live source
      gap          seconds for which the source was lost just before, or null;
                   only for a live source

    Exit status:
      0    every frame was explained
      1    an error, a part of the input could not be read or is no image, or
           a live source ended, broke or stalled
      2    a usage error, such as an unknown option
      130  Ctrl-C; 143 SIGTERM; 129 SIGHUP
    """
    from whyframe.colormap import check_blending
    from whyframe.video.live import Reconnect
    from whyframe.video.sinks import default_output, open_sink
    from whyframe.video.sources import open_source
    from whyframe.video.stream import stream_explanations

    check_blending(colormap, opacity)
    overlay = {"colormap": colormap, "opacity": opacity, "caption": caption}
    rule = Reconnect(limit=give_up) if reconnect else None
    with (
        open_engine(model, backend, device, threads, matte, max_megapixels) as engine,
        open_source(source, live=live, reconnect=rule, images=engine.image_options) as opened,
    ):
        explained = target if versus is None else (target, versus)
        results = stream_explanations(engine, opened, target=explained, refine=refine)
        path = output or (None if as_json else default_output(opened))
        sink = open_sink(path, opened) if path else None
        summary = RunSummary(opened, sink)
        opened.on_message = _print_message
        try:
            with closing(results):
                _explain_all(results, summary, overlay, as_json=as_json, max_frames=max_frames)
        except (KeyboardInterrupt, StreamError):
            summary.show()
            raise
    summary.show()
    if opened.problems:
        raise typer.Exit(1)


def _explain_all(
    results: Iterator[Explanation],
    summary: RunSummary,
    overlay: dict[str, Any],
    *,
    as_json: bool,
    max_frames: int | None,
) -> None:
    """Print and write every explanation, with a progress bar unless JSON is printed.

    Args:
        results: The explanations of the source.
        summary: The summary to add them to, with the source and the sink.
        overlay: Keyword arguments of `Explanation.overlay`.
        as_json: Print each explanation as a line of JSON.
        max_frames: Number of explanations after which to stop; None for all.
    """
    source, sink = summary.source, summary.sink
    total = min((known for known in (max_frames, source.count) if known), default=None)
    # The sink ends first: the bar's end raises an error where the terminal is gone, which would discard the output.
    with progress_bar(source.name, total, unit="frames", hidden=as_json) as bar, sink or nullcontext():
        for explanation in islice(results, max_frames):
            if as_json:
                print(json_text(_json_line(explanation, source)), flush=True)
            if sink:
                sink.write(explanation, explanation.overlay(**overlay))
            summary.add(explanation)
            bar.advance()


def _json_line(explanation: Explanation, source: Source) -> dict[str, Any]:
    file = {"file": source.files[explanation.index].name} if source.files else {}
    live = {"dropped": explanation.dropped, "gap": explanation.gap} if source.live else {}
    return {**file, **explanation.to_dict(), **live}


def _print_message(message: str) -> None:
    print(f"whyframe: {printable(message)}", file=sys.stderr, flush=True)
