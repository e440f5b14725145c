"""From folders of pictures to a report folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from whyframe import __version__
from whyframe.files import write_whole
from whyframe_training.classifiers import Classifier
from whyframe_training.study.page import page
from whyframe_training.study.run import COSTLY_IMAGES, Study
from whyframe_training.study.store import Store
from whyframe_training.study.subjects import Subject, find_images, look_at
from whyframe_training.study.summary import markdown, summarise

__all__ = ["report"]


def report(
    classifier: Classifier,
    folders: Sequence[Path],
    methods: Sequence[str],
    output: Path,
    *,
    quick: bool,
    limit: int | None,
    shown: int,
) -> Path:
    """Measures what is not measured yet, and writes the report.

    Args:
        classifier: that is explained.
        folders: of pictures.
        methods: names, in the order of the table.
        output: the report folder.
        quick: whether methods of over 100 passes see only the first pictures.
        limit: of pictures from each folder.
        shown: pictures whose maps are drawn.

    Returns:
        The HTML file.

    Raises:
        DataError: no pictures.
        StudyError: the folder holds another study.
    """
    pictures = find_images(folders, limit)
    output.mkdir(exist_ok=True)
    facts = _facts(classifier, folders, pictures, quick)
    store = Store(output / "values.jsonl", facts)
    subjects = [look_at(picture, classifier) for picture in pictures]
    study = Study(classifier, methods, output, quick, shown)
    _run(study, subjects, store)
    lines = summarise(store.rows, methods)
    write_whole(output / "table.md", markdown(lines).encode())
    html = page(facts, lines, store.rows, subjects[:shown], classifier.labels, study.mask)
    return write_whole(output / "report.html", html.encode())


def _facts(
    classifier: Classifier, folders: Sequence[Path], pictures: Sequence[Any], quick: bool
) -> dict[str, Any]:
    return {
        "classifier": classifier.name,
        "data": ", ".join(folder.name for folder in folders),
        "pictures": len(pictures),
        "budget": f"quick: costly methods see {COSTLY_IMAGES}" if quick else "paper: all see all",
        "whyframe": __version__,
    }


def _run(study: Study, subjects: Sequence[Subject], store: Store) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("", total=len(study.methods) * len(subjects))

        def tell(what: str) -> None:
            progress.update(task, advance=1, description=what)

        study.run(subjects, store, tell)
