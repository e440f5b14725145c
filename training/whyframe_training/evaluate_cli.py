"""`whyframe evaluate`. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from whyframe.errors import OutputError, WhyframeError
from whyframe_training.cli import Labels, Mean, Name, Side, Std, Weights, triple


class Budget(str, Enum):
    """How many pictures costly methods see."""

    quick = "quick"
    paper = "paper"


def evaluate(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder of images; with boxes.json and images/ in it, boxes count too. Repeatable."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Report folder; the same command again goes on with it.")
    ],
    methods: Annotated[str, typer.Option(help="Names with commas between them, or all.")] = "all",
    classifier: Name = "efficientnet_lite0",
    weights: Weights = "pretrained",
    labels: Labels = None,
    mean: Mean = None,
    std: Std = None,
    side: Side = None,
    budget: Annotated[
        Budget, typer.Option(help="quick: methods of over 100 passes see the first 24 pictures.")
    ] = Budget.quick,
    limit: Annotated[int | None, typer.Option(min=1, help="First pictures of each folder only.")] = None,
    shown: Annotated[int, typer.Option(min=0, help="Pictures whose maps the report shows.")] = 6,
) -> None:
    """Compare explanation methods on a classifier and pictures of yours.

    Each method explains the predicted class of each picture. Written as it goes: values.jsonl (every raw value);
    at the end table.md, and report.html, which needs no other file.

    \b
    whyframe evaluate --data photos/ --methods cam,grad-cam,ct -o report
    whyframe evaluate --data photos/ --data boxed/ --classifier my_model.py:build --weights w.pt -o report
    """  # noqa: D301 - \b is typer's
    if not output.parent.is_dir():
        raise OutputError(f"{output.parent} is not a folder, so {output} cannot be made; create it first.")

    from whyframe_training.classifiers import ClassifierSpec, build_classifier
    from whyframe_training.methods import METHODS, build_method
    from whyframe_training.study.report import report

    names = list(METHODS) if methods == "all" else [name.strip() for name in methods.split(",")]
    for name in names:
        build_method(name)  # a name that is not known fails here
    if len(set(names)) < len(names):
        raise WhyframeError(f"--methods {methods} names one method twice; name each once.")
    spec = ClassifierSpec(
        classifier,
        weights,
        None if labels is None else str(labels),
        triple("--mean", mean),
        triple("--std", std),
        side,
    )
    page = report(
        build_classifier(spec), data, names, output, quick=budget is Budget.quick, limit=limit, shown=shown
    )
    typer.echo((output / "table.md").read_text(encoding="utf-8"))
    typer.echo(f"{page} shows the maps, too.")
