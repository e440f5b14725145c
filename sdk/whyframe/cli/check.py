"""``whyframe check``: what a fused file reports, compared with a user's own pipeline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whyframe.cli.options import Backend, Device, Json, Threads, open_engine
from whyframe.errors import WhyframeError
from whyframe.files import json_text
from whyframe.printable import printable

if TYPE_CHECKING:
    from whyframe.check.comparison import Comparison
    from whyframe.check.run import CheckResult

__all__ = ["check"]

_LIMITS = "Limits"
_STYLES = {
    "pass": "green",
    "same": "green",
    "fail": "red",
    "differs": "red",
    "note": "yellow",
    "not checked": "yellow",
}

_Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="[MODEL] IMAGES...",
        help="Path of a fused ONNX file (the bundled model where the first path is an image or a folder), then images "
        "or folders of images.",
        show_default=False,
    ),
]
_Model = Annotated[
    Path | None,
    typer.Option("--model", help="Path of the fused file, instead of the first argument.", hidden=True),
]
_Pipeline = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.py:FUNCTION",
        help="Your own pipeline: a function from the path of an image, or from a PIL image, to its probabilities.",
        show_default="none: the file is checked by itself",
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Report of the worst images to write, .html or .png.", show_default="no report"
    ),
]
_TopAgreement = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="Smallest share of images with the same top class.", rich_help_panel=_LIMITS
    ),
]
_MeanDifference = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Largest mean over the images of the difference of the probabilities, in the class that differs most.",
        rich_help_panel=_LIMITS,
    ),
]
_Verbose = Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error in your pipeline.")]


def check(
    paths: _Paths,
    pipeline: _Pipeline = None,
    output: _Output = None,
    top_agreement: _TopAgreement = 0.99,
    mean_difference: _MeanDifference = 0.005,
    as_json: Json = False,
    verbose: _Verbose = False,
    backend: Backend = "auto",
    device: Device = None,
    threads: Threads = None,
    model: _Model = None,
) -> None:
    """Check that a fused file reports what your own pipeline reports.

    Your pipeline classifies the same images. If its probabilities differ,
    the file is run on inputs that are prepared in all usual ways, and the
    stage that differs is named: decoding, colour order, resizing,
    normalisation or graph. Without --pipeline the file is checked by itself.

    Examples:
      whyframe check model.onnx photos/ --pipeline my_model.py:predict
      whyframe check model.onnx a.jpg b.jpg --pipeline m.py:predict -o check.html
      whyframe check photos/

    Fields of --json:
      passes      true where every check passed
      comparison  agreement with your pipeline, and the worst image
      diagnosis   stages, and the preparation that agrees best; null where
                  the answers agree
      findings    checks of the file by itself

    Exit status:
      0  every check passed
      1  a check failed, an image could not be read and was left out, or an error
      2  a usage error, such as an unknown option or no image
    """
    file, images = _divide(paths, model)
    if not images:
        raise typer.BadParameter("give images, or folders of images, after the model", param_hint="IMAGES")
    from whyframe.check.comparison import Limits
    from whyframe.check.report import check_report_path
    from whyframe.check.run import list_images, run_check
    from whyframe.check.user_pipeline import load_pipeline
    from whyframe.model_content import read_content

    if output is not None:
        check_report_path(output)
    found = list_images(images)
    with open_engine(file, backend, device, threads) as engine:
        labels = engine.manifest.labels
        user = None if pipeline is None else load_pipeline(pipeline, labels, verbose=verbose)
        limits = Limits(top_agreement, mean_difference)
        result = run_check(engine, read_content(file)[0], found, user, limits, progress=not as_json)
    if output is not None:
        _write(result, output)  # first, because the reader of what is printed may end early
    print(json_text(result.to_dict())) if as_json else _print(result)
    for problem in result.left_out:
        print(f"whyframe: left out: {printable(problem)}", file=sys.stderr)
    if not result.passes or result.left_out:
        raise typer.Exit(1)


def _divide(paths: list[Path], model: Path | None) -> tuple[Path | None, list[Path]]:
    """Return the model among the paths, or the one of the option, and the images."""
    from whyframe.images import READ_SUFFIXES

    first = paths[0]
    if first.is_dir() or first.suffix.lower() in READ_SUFFIXES:
        return model, paths
    if model is not None:
        raise WhyframeError(
            f"{first} is not an image, and --model gives the model already; leave out one of the two."
        )
    return first, paths[1:]


def _rows(result: CheckResult) -> list[list[list[str]]]:
    """Return the tables of a result, each with its heading in the first row."""
    tables = []
    if result.comparison is not None:
        tables.append(_comparison_rows(result.comparison, result))
        tables.append(_worst_rows(result.comparison))
    if result.diagnosis is not None:
        rows = [
            [stage.name, stage.state, _with_effect(stage.detail, stage.effect)]
            for stage in result.diagnosis.stages
        ]
        tables.append([["stage", "result", "detail"], *rows])
    rows = [[finding.name, finding.state, finding.detail] for finding in result.findings]
    return [*tables, [["the file by itself", "result", "detail"], *rows]]


def _with_effect(detail: str, effect: float | None) -> str:
    return detail if effect is None else f"{detail} (mean difference {effect:.4f})"


def _comparison_rows(comparison: Comparison, result: CheckResult) -> list[list[str]]:
    share, mean = float(comparison.agrees.mean()), float(comparison.per_image.mean())
    limits, count = result.limits, len(comparison.paths)
    what = "top class" if comparison.manifest.exclusive else "labels above their thresholds"
    return [
        ["with your pipeline", "result", "detail"],
        [
            f"agreement of the {what}",
            "pass" if share >= limits.top_agreement else "fail",
            f"{share:.1%}, {comparison.agrees.sum()} of {count} images (at least {limits.top_agreement:.1%})",
        ],
        [
            "mean difference",
            "pass" if mean <= limits.mean_difference else "fail",
            f"{mean:.4f} (at most {limits.mean_difference:.4f})",
        ],
        ["largest difference", "", f"{comparison.per_image.max():.4f}, {comparison.paths[comparison.worst]}"],
    ]


def _worst_rows(comparison: Comparison) -> list[list[str]]:
    columns = [[f"{label} {p:.4f}" for label, p in classes] for classes in comparison.top(comparison.worst)]
    count = max(map(len, columns))
    ours, theirs = ([*column, *[""] * (count - len(column))] for column in columns)
    name = comparison.paths[comparison.worst].name
    return [[f"worst image, {name}: whyframe", "your pipeline"], *map(list, zip(ours, theirs, strict=True))]


def _verdict(result: CheckResult) -> str:
    """Return the result in a sentence, with what was not checked."""
    word = "pass" if result.passes else "FAIL"
    if result.comparison is not None:
        return f"{word}: {result.images} images, your pipeline given the {result.takes}"
    return (
        f"{word}: {result.images} images; not checked: whether your own pipeline reports the same probabilities "
        "(--pipeline my_model.py:predict)"
    )


def _print(result: CheckResult) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    console = Console(highlight=False)
    for heading, *rows in _rows(result):
        table = Table(
            *(Column(Text(printable(cell))) for cell in heading),
            box=None,
            pad_edge=False,
            header_style="bold",
        )
        for row in rows:
            table.add_row(*(Text(printable(cell), style=_STYLES.get(cell, "")) for cell in row))
        console.print(table)
        console.print()
    if result.diagnosis is not None:
        console.print(Text(printable(result.diagnosis.summary())), soft_wrap=True)
    console.print(Text(_verdict(result)), soft_wrap=True)


def _write(result: CheckResult, path: Path) -> None:
    from whyframe.check.report import write_report

    write_report(path, f"whyframe check: {_verdict(result)}", _rows(result), result.entries)
