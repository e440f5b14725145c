"""`whyframe evaluate`. PyTorch is imported when the command runs, not when its help is shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whyframe.errors import OutputError, WhyframeError
from whyframe_training.options import (
    ClassifierOption,
    LabelsOption,
    MeanOption,
    SideOption,
    StdOption,
    WeightsOption,
    parse_rgb,
)

if TYPE_CHECKING:
    from whyframe_evaluation.methods.method import Method


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
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="Of the folder: COCO JSON, Pascal VOC XML (file or folder), or a folder of YOLO text."
        ),
    ] = None,
    keypoints: Annotated[
        Path | None,
        typer.Option(
            help="Of the folder: COCO JSON with keypoints of animals, whose eyes and feet are compared."
        ),
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Names of methods and groups, run folders and fused .onnx files, with commas between them; or all."
        ),
    ] = "all",
    classifier: ClassifierOption = "efficientnet_lite0",
    weights: WeightsOption = "pretrained",
    labels: LabelsOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    side: SideOption = None,
    budget: Annotated[
        Budget, typer.Option(help="quick: methods of over 100 passes, and costly measures, see 24 pictures.")
    ] = Budget.quick,
    limit: Annotated[int | None, typer.Option(min=1, help="First pictures of each folder only.")] = None,
    held_out: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of folders without boxes, only the N images that `whyframe train --validation N` keeps.",
            metavar="N",
        ),
    ] = None,
    shown: Annotated[int, typer.Option(min=0, help="Pictures whose maps the report shows.")] = 6,
) -> None:
    """Compare explanation methods on a classifier and pictures of yours.

    Each method explains the predicted class of each picture; one that has boxes counts if the class has a box in it.
    Kept as it goes: every map (maps/) and value (values.jsonl), so that the same command goes on where it stopped; a
    method whose weights have changed runs again. At the end: values.json, table.md, and report.html, which
    needs no other file.

    \b
    whyframe evaluate --data photos/ --methods cam,grad-cam,ct -o report
    whyframe evaluate --data photos/ --methods cam,ct,runs/mine,mine.onnx -o report
    whyframe evaluate --data images/ --boxes instances.json --methods all --budget paper -o report
    whyframe evaluate --data images/ --keypoints person_keypoints.json --methods cam,rise -o report
    whyframe evaluate --data photos/ --data boxed/ --classifier my_model.py:build --weights w.pt -o report
    """  # noqa: D301 - \b is typer's
    if not output.parent.is_dir():
        raise OutputError(f"{output.parent} is not a folder, so {output} cannot be made; create it first.")

    from whyframe_evaluation.report.writer import report
    from whyframe_training.classifiers.classifier import ClassifierSpec, build_classifier

    wanted = chosen(methods)
    spec = ClassifierSpec(
        classifier,
        weights,
        None if labels is None else str(labels),
        parse_rgb("--mean", mean),
        parse_rgb("--std", std),
        side,
    )
    page = report(
        build_classifier(spec),
        data,
        wanted,
        output,
        quick=budget is Budget.quick,
        limit=limit,
        shown=shown,
        boxes=boxes,
        held_out=held_out,
        keypoints=keypoints,
    )
    typer.echo((output / "table.md").read_text(encoding="utf-8"))
    typer.echo(f"{page} shows the maps, too.")


def chosen(methods: str) -> list[Method]:
    """The methods that a list of names means: methods, groups of them, all, or paths of one's own; each once.

    Raises:
        UnknownMethod: a name that neither a method nor a group has; the nearest names are offered.
        WhyframeError: a name is given twice, or a path is neither a run folder nor a fused file.
    """
    from whyframe_evaluation.methods import GROUPS, METHODS, VARIANTS

    given = [name.strip() for name in methods.split(",")]
    groups = {**GROUPS, "all": tuple(METHODS)}
    if len(set(given)) < len(given):
        raise WhyframeError(f"--methods {methods} names one method twice; name each once.")
    found: dict[str, Method] = {}
    for name in dict.fromkeys(one for entry in given for one in groups.get(entry, (entry,))):
        method = _built(name, groups)
        if method.name in found or (method.name != name and method.name in {*METHODS, *VARIANTS}):
            raise WhyframeError(f"{name} has the name of another method, {method.name}; rename it.")
        found[method.name] = method
    return list(found.values())


def _built(name: str, groups: Iterable[str]) -> Method:
    from whyframe_evaluation.methods import UnknownMethod, build_method

    try:
        return build_method(name)
    except UnknownMethod:
        near = difflib.get_close_matches(name.casefold(), groups, n=1, cutoff=0.7)
        if near:
            raise UnknownMethod(f"there is no method {name!r}: did you mean the group {near[0]}?") from None
        raise
