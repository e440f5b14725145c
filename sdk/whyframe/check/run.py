"""One complete check of a fused file: its answers, those of a user's pipeline, and what was found."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.alpha import compose
from whyframe.check.comparison import Comparison, Limits
from whyframe.check.diagnosis import Diagnosis, diagnose
from whyframe.check.preparation import Decoding, Images, Preparation
from whyframe.check.renormalise import Renormaliser
from whyframe.check.report import Entry
from whyframe.check.self_check import Finding, check_file, compare_with_pillow
from whyframe.check.user_pipeline import UserPipeline
from whyframe.engine import ExplainEngine
from whyframe.errors import FrameError, SourceError
from whyframe.explanation import Explanation
from whyframe.images import READ_SUFFIXES
from whyframe.opencv import quiet_opencv
from whyframe.progress import progress_bar

__all__ = ["CheckResult", "list_images", "run_check"]

DIAGNOSED = 8
"""Number of images on which the stages are searched: half are those with the largest differences."""

_COMPARED = 8
"""Number of images whose decoding and resizing are compared with Pillow."""


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes:
        images: Number of images.
        comparison: Agreement with the user's pipeline; None without one.
        diagnosis: The stages that differ; None where the answers agree, and without a pipeline.
        findings: Checks of the file by itself.
        entries: Images for the report, the worst first.
        limits: What the comparison must reach.
        takes: What the user's pipeline takes; empty without one.
        left_out: Why each image that could not be read was left out, one line each.
    """

    images: int
    comparison: Comparison | None
    diagnosis: Diagnosis | None
    findings: tuple[Finding, ...]
    entries: tuple[Entry, ...]
    limits: Limits
    takes: str
    left_out: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether no check failed, and the answers agree as far as the limits require."""
        agrees = self.comparison is None or self.comparison.passes(self.limits)
        return agrees and all(finding.state != "fail" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "passes": self.passes,
            "images": self.images,
            "left_out": list(self.left_out),
            "top_agreement_limit": self.limits.top_agreement,
            "mean_difference_limit": self.limits.mean_difference,
            "pipeline_takes": self.takes or None,
            "comparison": self.comparison and self.comparison.to_dict(),
            "diagnosis": self.diagnosis and self.diagnosis.to_dict(),
            "findings": [vars(finding) for finding in self.findings],
        }


def list_images(paths: Sequence[Path]) -> list[Path]:
    """Return image files as given, and those of folders and their sub-folders, sorted.

    Raises:
        SourceError: A path does not exist, or a folder holds no images.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.suffix.lower() in READ_SUFFIXES)
            if not files:
                raise SourceError(
                    f"{path} holds no images; put files that end in {', '.join(READ_SUFFIXES)} there."
                )
            found += files
        elif path.is_file():
            found.append(path)
        else:
            raise SourceError(f"there is no image {path}; check the path.")
    return found


def run_check(
    engine: ExplainEngine,
    model: bytes,
    paths: Sequence[Path],
    pipeline: UserPipeline | None,
    limits: Limits,
    *,
    shown: int = 4,
    progress: bool = False,
) -> CheckResult:
    """Check a fused file on images.

    Args:
        engine: The engine of the file.
        model: Content of the file.
        paths: The image files.
        pipeline: The user's pipeline; None checks the file by itself.
        limits: What the comparison must reach to pass.
        shown: Number of images in the report.
        progress: Show progress bars on stderr.

    Raises:
        WhyframeError: No image can be read, or the pipeline fails or returns no probabilities.
    """
    paths, results, theirs, left_out = _answers(engine, paths, pipeline, progress=progress)
    if not paths:
        raise SourceError(f"no image could be read: {left_out[0]}")
    with progress_bar("checks", 6, hidden=not progress) as bar, quiet_opencv():
        findings = list(check_file(engine, paths, results, bar))
    findings += compare_with_pillow(Images(paths[:_COMPARED], engine.manifest.input))
    if pipeline is None:
        entries = [_entry(engine, paths[i], _own_answer(results[i])) for i in range(min(shown, len(paths)))]
        return CheckResult(len(paths), None, None, tuple(findings), tuple(entries), limits, "", left_out)
    ours = np.stack([result.probabilities for result in results]).astype(np.float64)
    comparison = Comparison(tuple(paths), ours, np.stack(theirs), engine.manifest)
    diagnosis = None
    if not comparison.passes(limits):
        diagnosis = _diagnose(engine, model, comparison, limits, progress=progress)
    entries = [_compared_entry(engine, comparison, int(i)) for i in comparison.worst_first()[:shown]]
    return CheckResult(
        len(paths), comparison, diagnosis, tuple(findings), tuple(entries), limits, pipeline.takes, left_out
    )


def _answers(
    engine: ExplainEngine, paths: Sequence[Path], pipeline: UserPipeline | None, *, progress: bool
) -> tuple[list[Path], list[Explanation], list[NDArray[np.float64]], tuple[str, ...]]:
    """Return the images that can be read, both answers to them, and why the other images cannot be read."""
    readable, results, theirs, left_out = [], [], [], []
    with progress_bar("images", len(paths), unit="images", hidden=not progress) as bar, quiet_opencv():
        for path in paths:
            try:
                result = engine.run(path)
            except (SourceError, FrameError) as error:
                left_out.append(str(error))
            else:
                readable.append(path)
                results.append(_without_frame(result))
                if pipeline is not None:
                    theirs.append(pipeline(path))
            bar.advance()
    return readable, results, theirs, tuple(left_out)


def _without_frame(result: Explanation) -> Explanation:
    """Return an explanation that does not keep its frame, because there may be thousands of images."""
    return dataclasses.replace(result, frame=np.zeros((1, 1, 3), np.uint8))


def _diagnose(
    engine: ExplainEngine, model: bytes, comparison: Comparison, limits: Limits, *, progress: bool
) -> Diagnosis:
    chosen = _chosen(comparison.worst_first())
    images = Images([comparison.paths[i] for i in chosen], engine.manifest.input)
    backend = engine.backend_object
    own = images.inputs(Preparation(engine.manifest.input.resize))
    renormaliser = Renormaliser(model, engine.manifest, backend.batch, backend.classify, own)
    return diagnose(
        images,
        comparison.theirs[chosen],
        backend.classify,
        renormaliser,
        enough=limits.mean_difference,
        progress=progress,
    )


def _chosen(worst_first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the images of the diagnosis: the worst show a difference best, the others are less sensitive to noise."""
    worst, rest = worst_first[: DIAGNOSED // 2], worst_first[DIAGNOSED // 2 :]
    spread = np.linspace(0, len(rest) - 1, min(len(rest), DIAGNOSED // 2)).round().astype(np.int64)
    return np.concatenate([worst, rest[spread]])


def _own_answer(result: Explanation) -> dict[str, list[tuple[str, float]]]:
    ids = np.argsort(-result.probabilities, kind="stable")[:3]  # `top` leaves out what is below its threshold
    return {"whyframe": [(result.manifest.labels[i], float(result.probabilities[i])) for i in ids]}


def _compared_entry(engine: ExplainEngine, comparison: Comparison, index: int) -> Entry:
    ours, theirs = comparison.top(index)
    path, difference = comparison.paths[index], comparison.per_image[index]
    answers = {"whyframe": ours, "your pipeline": theirs}
    return _entry(engine, path, answers, f"{path.name}, difference {difference:.4f}")


def _entry(
    engine: ExplainEngine, path: Path, answers: dict[str, list[tuple[str, float]]], title: str = ""
) -> Entry:
    spec = engine.manifest.input
    images = Images([path], spec)
    frame = images.frame(path, Decoding())
    shown = images.inputs(Preparation(spec.resize))[0]
    if spec.channels == 1:
        shown = np.repeat(shown, 3, axis=2)
    bgr = np.ascontiguousarray(shown[..., 2::-1])
    if spec.channels == 4:
        frame = compose(frame, engine.image_options)
    return Entry(title or path.name, frame, bgr, answers)
