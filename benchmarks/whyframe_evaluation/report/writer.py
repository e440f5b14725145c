"""From folders of pictures to a report folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from whyframe import __version__
from whyframe.files import atomic_write
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.report.figures.report_context import ReportContext
from whyframe_evaluation.report.markdown import document, markdown
from whyframe_evaluation.report.method_summary import summarise
from whyframe_evaluation.report.page import report_page
from whyframe_evaluation.report.part_section import find_keypoints, part_summaries, parts_table
from whyframe_evaluation.run.dataset import Dataset, find_image_folders, gather
from whyframe_evaluation.run.evaluation import COSTLY_IMAGES, Evaluation, Tell
from whyframe_evaluation.run.experiments import run_experiments, tables, taking_part
from whyframe_evaluation.run.results import EvaluationError, MapResult, ResultFile
from whyframe_evaluation.run.samples import Sample
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.classifiers.onnx_runtime import ServingError, onnx_backend

__all__ = ["report"]


def report(
    classifier: Classifier,
    folders: Sequence[Path],
    methods: Sequence[Method],
    output: Path,
    *,
    quick: bool,
    limit: int | None,
    shown: int,
    boxes: Path | None = None,
    held_out: int | None = None,
    keypoints: Path | None = None,
) -> Path:
    """Makes the maps and takes the measures that are not there yet, and writes the report.

    Args:
        classifier: that is explained.
        folders: of pictures.
        methods: in the order of the table.
        output: the report folder.
        quick: whether costly methods and measures see only the first pictures.
        limit: of pictures from each folder.
        shown: pictures whose maps are drawn.
        boxes: of the one folder, see `find_image_folders`.
        held_out: see `find_image_folders`.
        keypoints: of the one folder, see `find_keypoints`.

    Returns:
        The HTML file.

    Raises:
        DataError: no pictures, or annotations that cannot be used.
        EvaluationError: the folder holds another study, or there is nothing to explain.
    """
    sources = find_image_folders(folders, boxes, held_out)
    points = find_keypoints(keypoints, sources)
    pictures = gather(sources, classifier, limit)
    _tell_unknown(pictures.unknown)
    if not pictures.subjects:
        raise EvaluationError(
            f"no picture has a box of the class that the classifier predicts ({pictures.left_out} were looked at): "
            "give a folder without boxes, or a classifier of the boxes' categories."
        )
    output.mkdir(exist_ok=True)
    store = ResultFile(output / "values.jsonl", _settings(classifier))
    study = Evaluation(classifier, methods, output, quick, store)
    subjects = pictures.subjects
    with _served(classifier):
        _show(study.explain, len(methods) * len(subjects), subjects)
        _show(study.measure, len(subjects), subjects)
        rows = study.rows(subjects)
        found = _experiments(study, subjects, rows)
    lines = summarise(rows, methods, subjects)
    facts = _facts(classifier, folders, pictures, quick)
    text = markdown(lines) + tables(found)
    if points:
        parts = part_summaries(rows, subjects, points, study.mask)
        text += parts_table(parts)
        found["parts"] = [asdict(one) for one in parts]
    atomic_write(output / "table.md", text.encode())
    atomic_write(output / "values.json", document(facts, subjects, rows, lines, found).encode())
    study_of = (lines, rows, subjects, shown, classifier.labels, study.mask)
    html = report_page(
        facts, ReportContext(*study_of, classifier=classifier, experiments=found, folder=output)
    )
    return atomic_write(output / "report.html", html.encode())


def _experiments(study: Evaluation, subjects: Sequence[Sample], rows: Sequence[MapResult]) -> dict[str, Any]:
    trying, found = taking_part(study.methods, rows), {}

    def work(few: Sequence[Sample], tell: Tell) -> None:
        path = study.folder / "experiments.json"
        found.update(run_experiments(study.classifier, few, trying, study.mask, path, tell))

    _show(work, len(trying), subjects[:COSTLY_IMAGES])
    return found


@contextmanager
def _served(classifier: Classifier) -> Iterator[None]:
    """`onnx_backend`, or without it where the network cannot be exported: slower, but the same."""
    with ExitStack() as stack:
        try:
            stack.enter_context(onnx_backend(classifier))
        except ServingError as error:
            Console(stderr=True).print(f"{error} It is run by PyTorch, which takes longer.", markup=False)
        yield


def _tell_unknown(categories: Sequence[str]) -> None:
    if categories:
        Console(stderr=True).print(
            f"No class of the classifier is called {', '.join(categories)}: boxes of these do not count. "
            "Where a class is meant, rename the category as the class's label.",
            highlight=False,
            markup=False,
        )


def _settings(classifier: Classifier) -> dict[str, Any]:
    """What no two rows of a study may differ in; pictures have digests of their own."""
    weights = hashlib.sha256()
    for name, tensor in sorted(classifier.state_dict().items()):
        weights.update(name.encode() + tensor.cpu().numpy().tobytes())
    return {
        "classifier": classifier.name,
        "weights": weights.hexdigest()[:16],
        "side": classifier.side,
        "whyframe": __version__,
    }


def _facts(classifier: Classifier, folders: Sequence[Path], pictures: Dataset, quick: bool) -> dict[str, Any]:
    without = {"left out, without a box of the predicted class": pictures.left_out}
    return {
        "classifier": classifier.name,
        "data": ", ".join(folder.resolve().name for folder in folders),
        "pictures": len(pictures.subjects),
        "with boxes": sum(bool(one.boxes) for one in pictures.subjects),
        **(without if pictures.left_out else {}),
        "budget": f"quick: costly methods and measures see {COSTLY_IMAGES}"
        if quick
        else "paper: all see all",
        "whyframe": __version__,
    }


def _show(work: Callable[[Sequence[Sample], Tell], None], total: int, subjects: Sequence[Sample]) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("", total=total)

        def tell(what: str) -> None:
            progress.update(task, advance=1, description=what)

        work(subjects, tell)
