"""Checks of a fused file against itself, its manifest and Pillow, without a pipeline to compare with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from whyframe.check import pillow
from whyframe.check.preparation import Decoding, Images, Preparation
from whyframe.engine import ExplainEngine
from whyframe.errors import WhyframeError
from whyframe.explanation import Explanation
from whyframe.progress import ProgressBar

__all__ = ["ODD_SIZES", "Finding", "check_file", "compare_with_pillow"]

ODD_SIZES = ((1, 1), (1, 97), (97, 1), (33, 47), (2000, 3))
"""Heights and widths of the frames on which a file is tried, in pixels."""

_SAME = {"fp32": 1e-4, "fp16": 1e-2}
_SUM = 1e-3
_LEVELS = 1.0
"""Mean difference in levels of 0..255, up to which two decoded or resized images count as the same."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: What is checked.
        state: ``"pass"``, ``"fail"``, ``"note"`` (a difference that is not an error) or ``"not checked"``.
        detail: The measured values, or why it is not checked.
    """

    name: str
    state: str
    detail: str


def check_file(
    engine: ExplainEngine, paths: Sequence[Path], results: Sequence[Explanation], bar: ProgressBar
) -> Iterator[Finding]:
    """Check a fused file against itself.

    Args:
        engine: The engine, whose file has been read and has passed its digest.
        paths: The image files.
        results: Explanations of the same files, one at a time.
        bar: Progress bar, advanced by each finding.
    """
    checks = (
        lambda: Finding("file", "pass", f"the digest fits, sha256 {engine.manifest.digest[:12]}..."),
        lambda: _probabilities(engine, results),
        lambda: _variety(results),
        lambda: _batch(engine, paths, results),
        lambda: _target(engine, paths[0], results[0]),
        lambda: _odd_sizes(engine),
    )
    for check in checks:
        yield check()
        bar.advance()


def compare_with_pillow(images: Images) -> list[Finding]:
    """Compare the decoding and the resizing of image files with those of Pillow."""
    names = ("decoding", "resizing")
    if pillow.load_pillow() is None:
        return [Finding(name, "not checked", pillow.NO_PILLOW) for name in names]
    if images.spec.channels == 4:
        return [Finding(name, "not checked", "compared for images without alpha only") for name in names]
    return [_compare_decoding(images), _compare_resizing(images)]


def _probabilities(engine: ExplainEngine, results: Sequence[Explanation]) -> Finding:
    name = "probabilities"
    values = np.stack([result.probabilities for result in results]).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if low < -_SUM or high > 1 + _SUM:  # the engine has refused values that are not finite
        return Finding(name, "fail", f"values from {low:.3g} to {high:.3g}, outside [0, 1]")
    if not engine.manifest.exclusive:
        return Finding(name, "pass", f"{values.shape[1]} independent labels, from {low:.3g} to {high:.3g}")
    sums = values.sum(axis=1)
    state = "pass" if np.abs(sums - 1).max() <= _SUM else "fail"
    return Finding(
        name, state, f"sums from {sums.min():.5f} to {sums.max():.5f} over {values.shape[1]} classes"
    )


def _variety(results: Sequence[Explanation]) -> Finding:
    name = "different answers"
    if len(results) < 2:
        return Finding(name, "not checked", "give at least two images")
    spread = float(np.ptp(np.stack([result.probabilities for result in results]), axis=0).max())
    state = "pass" if spread > 1e-3 else "fail"
    said = "" if state == "pass" else ", so the answer does not depend on the image"
    return Finding(name, state, f"the answers to {len(results)} images differ by up to {spread:.3g}{said}")


def _batch(engine: ExplainEngine, paths: Sequence[Path], results: Sequence[Explanation]) -> Finding:
    count = min(4, len(paths))
    together = engine.run_batch([*paths[:count], paths[0]])
    largest = max(
        float(np.abs(one.probabilities - other.probabilities).max())
        for one, other in zip([*results[:count], results[0]], together, strict=True)
    )
    return _limited(engine, "batch", largest, f"a batch of {count + 1} and single images")


def _target(engine: ExplainEngine, path: Path, result: Explanation) -> Finding:
    other = (result.class_id + 1) % len(engine.manifest.labels)
    explained = engine.run(path, target=other)
    largest = float(np.abs(explained.probabilities - result.probabilities).max())
    return _limited(engine, "explained class", largest, "the probabilities under two explained classes")


def _limited(engine: ExplainEngine, name: str, largest: float, what: str) -> Finding:
    limit = _SAME.get(engine.manifest.precision, 1e-4)
    return Finding(name, "pass" if largest <= limit else "fail", f"{what} differ by up to {largest:.2g}")


def _odd_sizes(engine: ExplainEngine) -> Finding:
    name, rng = "frame sizes", np.random.default_rng(0)
    channels = 4 if engine.manifest.input.channels == 4 else 3
    for height, width in ODD_SIZES:
        frame = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
        try:
            saliency = engine.run(frame).saliency
        except (WhyframeError, cv2.error) as error:
            return Finding(name, "fail", f"{height} x {width}: {error}")
        if saliency.shape != (height, width) or not (saliency.min() >= 0 and saliency.max() <= 1):
            return Finding(
                name, "fail", f"{height} x {width}: the map is {saliency.shape}, or outside [0, 1]"
            )
    return Finding(name, "pass", ", ".join(f"{height} x {width}" for height, width in ODD_SIZES))


def _compare_decoding(images: Images) -> Finding:
    levels, turned = [], 0
    for path in images.paths:
        ours, theirs = images.frame(path, Decoding()), pillow.decode(path, upright=True)
        turned += pillow.decode(path, upright=False).shape != theirs.shape
        levels.append(_levels(ours, theirs) if ours.shape == theirs.shape else 255.0)
    worst = int(np.argmax(levels))
    detail = (
        f"whyframe and Pillow's convert('RGB') differ by up to {levels[worst]:.2f} levels of 255 on average"
    )
    if levels[worst] > _LEVELS:
        detail += f" ({images.paths[worst].name})"
    if turned:
        detail += f"; EXIF turns {turned} of them on their side"
    return Finding("decoding", "pass" if levels[worst] <= _LEVELS else "note", detail)


def _compare_resizing(images: Images) -> Finding:
    inputs = images.inputs(Preparation(images.spec.resize))
    levels = [
        _levels(own, pillow.resize(images.frame(path, Decoding()), images.spec))
        for path, own in zip(images.paths, inputs, strict=True)
    ]
    rule, worst = images.spec.resize, max(levels)
    detail = f"{rule}: up to {worst:.2f} levels of 255 from Pillow on average"
    if rule.interpolation == "fast":
        return Finding("resizing", "note", f"{detail}; the fast rule is an approximation")
    if not rule.antialias and rule.interpolation != "nearest":
        return Finding("resizing", "note", f"{detail}, which always antialiases")
    return Finding("resizing", "pass" if worst <= _LEVELS else "fail", detail)


def _levels(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float:
    return float(np.abs(ours.astype(np.int16) - theirs).mean())
