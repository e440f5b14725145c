"""The evaluation as one function: explain, measure, run the experiments, and summarise."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from whyframe import __version__
from whyframe.errors import OutputError, WhyframeError
from whyframe.input_spec import InputSpec
from whyframe.progress import progress_bar
from whyframe.resize_rule import ResizeRule
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.run.dataset import Dataset, find_image_folders, load_dataset
from whyframe_evaluation.run.evaluation import COSTLY_IMAGES, Evaluation
from whyframe_evaluation.run.experiments import run_experiments, select_experiment_methods
from whyframe_evaluation.run.method_selection import select_methods
from whyframe_evaluation.run.part_keypoints import find_keypoints
from whyframe_evaluation.run.results import EvaluationError, MapResult, ResultFile
from whyframe_evaluation.summary.evaluation_result import EvaluationFacts, EvaluationResult
from whyframe_evaluation.summary.method_summary import summarise
from whyframe_evaluation.summary.part_summary import summarise_parts
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec, build_classifier
from whyframe_training.classifiers.onnx_runtime import ServingError, onnx_backend
from whyframe_training.classifiers.outputs import Outputs
from whyframe_training.folder_lock import FolderLock

__all__ = ["EvaluationOptions", "evaluate"]

_LOG = logging.getLogger("whyframe")

_BUDGETS = {
    "quick": f"quick: costly methods and metrics on the first {COSTLY_IMAGES} images",
    "paper": "paper: all methods and metrics on all images",
}


@dataclass(frozen=True)
class EvaluationOptions:
    """Choices about the images and the effort of an evaluation.

    Attributes:
        budget: ``"quick"`` gives only the first 24 images to methods of more than 100 passes per image and to costly
            metrics; ``"paper"`` gives all images to all of them.
        limit: Largest number of images from each folder; None for all.
        held_out: Number of images that `whyframe train --validation` kept; of folders without boxes, only these are
            used. None for all images.
        boxes: Boxes of the only folder: a COCO JSON or Pascal VOC XML file, or a folder of VOC XML or YOLO text files.
        keypoints: COCO JSON file with keypoints of animals in the only folder, whose eyes and feet are compared.
    """

    budget: Literal["quick", "paper"] = "quick"
    limit: int | None = None
    held_out: int | None = None
    boxes: str | Path | None = None
    keypoints: str | Path | None = None

    def __post_init__(self) -> None:
        if self.budget not in _BUDGETS:
            raise WhyframeError(f"there is no budget {self.budget!r}: choose {' or '.join(_BUDGETS)}.")


def evaluate(
    classifier: Classifier | ClassifierSpec | str,
    folders: str | Path | Sequence[str | Path],
    methods: str | Sequence[str | Method],
    output: str | Path,
    *,
    options: EvaluationOptions | None = None,
    progress: bool = False,
) -> EvaluationResult:
    """Compare explanation methods on a classifier and folders of images.

    Each method explains the predicted class of each image. Every map and value is stored in the report folder as soon
    as it is computed, so that the same call resumes an interrupted evaluation. Warnings are logged at once by the
    logger ``whyframe``, and returned in the result.

    Args:
        classifier: The network to explain: a classifier, how to build one, or the name of a network.
        folders: Folder or folders of images; a folder with ``boxes.json`` and ``images/`` has boxes.
        methods: Methods to compare: names separated by commas as on the command line, or a sequence of names and
            methods. A name is that of a method or a group of methods, ``"all"``, or the path of a run folder or of a
            fused ONNX file.
        output: Report folder; created where it is missing.
        options: Choices about the images and the effort; the defaults of `EvaluationOptions` where None.
        progress: Show progress bars on stderr.

    Returns:
        The results, for `write_report` or for a program.

    Raises:
        OutputError: The folder that is to hold the report folder does not exist, the report folder cannot be written,
            or another process uses it.
        UnknownMethod: A method is unknown; the message offers the nearest names.
        DataError: There are no images, or annotations that cannot be used.
        EvaluationError: The report folder holds another evaluation, or no image can be explained.
    """
    options, output = options or EvaluationOptions(), Path(output)
    if not output.parent.is_dir():
        raise OutputError(
            f"{output.parent} is not a folder, so {output} cannot be made; create that folder first."
        )
    selected, network = select_methods(methods), _build(classifier)
    paths = [Path(folder) for folder in ([folders] if isinstance(folders, str | Path) else folders)]
    image_folders = find_image_folders(paths, _path(options.boxes), options.held_out)
    keypoints = None if options.keypoints is None else find_keypoints(Path(options.keypoints), image_folders)
    dataset = load_dataset(image_folders, network, options.limit)
    warnings = _check_dataset(dataset)
    _make_folder(output)
    with FolderLock(output), _onnx_backend_where_possible(network) as more_warnings:
        result_file = ResultFile(output / "values.jsonl", _settings(network))
        evaluation = Evaluation(network, selected, output, options.budget == "quick", result_file)
        results = _run(evaluation, dataset, progress)
        experiments = _run_experiments(evaluation, dataset, results, progress)
    return EvaluationResult(
        classifier=network,
        folder=output,
        facts=_facts(network, paths, dataset, options.budget),
        samples=dataset.samples,
        map_results=results,
        method_summaries=summarise(results, selected, dataset.samples),
        experiments=experiments,
        part_summaries=None
        if keypoints is None
        else summarise_parts(results, dataset.samples, keypoints, evaluation.mask, network.input),
        warnings=[*warnings, *more_warnings],
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder} ({error.strerror}): choose another place with -o"
        ) from error


def _build(classifier: Classifier | ClassifierSpec | str) -> Classifier:
    if isinstance(classifier, Classifier):
        return classifier
    return build_classifier(ClassifierSpec(classifier) if isinstance(classifier, str) else classifier)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _check_dataset(dataset: Dataset) -> list[str]:
    """Return warnings about the dataset; raise an error for an empty one."""
    warnings = _warn_about_categories(dataset.unknown_categories)
    if not dataset.samples:
        raise EvaluationError(
            f"none of the {dataset.left_out} images has a box of the class that the classifier predicts for it: give "
            "a folder without boxes, or a classifier of the boxes' categories."
        )
    return warnings


def _run(evaluation: Evaluation, dataset: Dataset, progress: bool) -> list[MapResult]:
    samples = dataset.samples
    steps = len(evaluation.methods) * len(samples)
    with progress_bar("Maps", steps, hidden=not progress) as bar:
        evaluation.explain(samples, bar.advance)
    with progress_bar("Metrics", len(samples), hidden=not progress) as bar:
        evaluation.measure(samples, bar.advance)
    return evaluation.map_results(samples)


def _run_experiments(
    evaluation: Evaluation, dataset: Dataset, results: Sequence[MapResult], progress: bool
) -> dict[str, Any]:
    methods = select_experiment_methods(evaluation.methods, results)
    with progress_bar("Adversarial images", len(methods), hidden=not progress) as bar:
        return run_experiments(
            evaluation.classifier,
            dataset.samples[:COSTLY_IMAGES],
            methods,
            evaluation.mask,
            evaluation.folder / "experiments.json",
            bar.advance,
        )


@contextmanager
def _onnx_backend_where_possible(classifier: Classifier) -> Iterator[list[str]]:
    """Use `onnx_backend`, or PyTorch where the network cannot be exported: slower, with the same values.

    Yields:
        The warnings.
    """
    warnings: list[str] = []
    with ExitStack() as stack:
        try:
            stack.enter_context(onnx_backend(classifier))
        except ServingError as error:
            warnings += [f"{error}; it is run by PyTorch, which takes longer."]
            _LOG.warning(warnings[0])
        yield warnings


def _warn_about_categories(categories: Sequence[str]) -> list[str]:
    if not categories:
        return []
    message = (
        f"No class of the classifier is called {', '.join(categories)}: boxes of these categories do not count. If a "
        "class is meant, rename the category to the label of the class."
    )
    _LOG.warning(message)
    return [message]


def _settings(classifier: Classifier) -> dict[str, Any]:
    """Return what all results of an evaluation depend on, except for the samples, which have digests of their own."""
    weights = hashlib.sha256()
    for name, tensor in sorted(classifier.state_dict().items()):
        weights.update(name.encode() + tensor.cpu().numpy().tobytes())
    return {
        "classifier": classifier.name,
        "weights": weights.hexdigest()[:16],
        **_input_settings(classifier.input),
        **({} if classifier.outputs is Outputs.logits else {"outputs": classifier.outputs.name}),
        "whyframe": __version__,
    }


def _input_settings(spec: InputSpec) -> dict[str, Any]:
    """Return what the results depend on of the input; the side alone for what every input was in version 0.1."""
    if spec.color == "rgb" and spec.height == spec.width and spec.resize == ResizeRule():
        return {"side": spec.height}
    return {"input": spec.to_dict()}


def _facts(classifier: Classifier, folders: Sequence[Path], dataset: Dataset, budget: str) -> EvaluationFacts:
    return EvaluationFacts(
        classifier=classifier.name,
        data=", ".join(folder.resolve().name for folder in folders),
        images=len(dataset.samples),
        boxed=sum(bool(sample.boxes) for sample in dataset.samples),
        left_out=dataset.left_out,
        budget=_BUDGETS[budget],
        version=__version__,
    )
