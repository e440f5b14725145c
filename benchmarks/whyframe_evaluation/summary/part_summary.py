"""Intensity of maps at annotated eyes and feet (Fong and Vedaldi 2017, section 5.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from whyframe.input_spec import InputSpec
from whyframe.postprocess import to_frame
from whyframe_evaluation.annotations.keypoints import Keypoint
from whyframe_evaluation.metrics.heatmaps import Heatmap, unit_range
from whyframe_evaluation.metrics.part_intensity import PartIntensity, intensity_ratio, part_intensities
from whyframe_evaluation.run.part_keypoints import PART_GROUPS
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample

__all__ = ["PartSummary", "summarise_parts"]

Mask = NDArray[np.float32]
MaskOf = Callable[[str, str], Mask | None]


@dataclass(frozen=True)
class PartSummary:
    """Intensity of one method's maps at the parts of one category of animals.

    Attributes:
        method: Name of the method.
        category: Category of the animals, such as ``"tiger"``.
        eyes: Mean intensity at the eyes, in [0, 1].
        feet: Mean intensity at the feet, in [0, 1].
        ratio: Intensity at the eyes over that at the feet; None where the feet have no intensity.
        images: Number of images that show both.
    """

    method: str
    category: str
    eyes: float
    feet: float
    ratio: float | None
    images: int


def summarise_parts(
    results: Sequence[MapResult],
    samples: Sequence[Sample],
    keypoints: Sequence[Keypoint],
    mask_of: MaskOf,
    spec: InputSpec,
) -> list[PartSummary]:
    """Return a summary for each method and each category with enough maps.

    Each map explains the image's predicted class, whatever the annotated category. It is scaled to [0, 1] and
    enlarged to the size of the image file. Keypoints that the classifier does not see do not count.

    Args:
        results: Results of all methods.
        samples: The samples.
        keypoints: The keypoints, see `find_keypoints`.
        mask_of: Function from the names of a method and a sample to the map, h x w; None where there is none.
        spec: The classifier's input.
    """
    sizes = {sample.file: sample.size for sample in samples}
    explained = {(result.method, result.file) for result in results if not result.error}

    def heatmap_of(method: str, file: str) -> Heatmap | None:
        scores = mask_of(method, file) if (method, file) in explained else None
        return None if scores is None else _enlarge(scores, *sizes[file], spec)

    return [
        _summary(method, intensity)
        for method in dict.fromkeys(result.method for result in results)
        for intensity in part_intensities(partial(heatmap_of, method), keypoints, PART_GROUPS)
    ]


def _enlarge(scores: Mask, height: int, width: int, spec: InputSpec) -> Heatmap:
    """Return the heatmap of an image file, NaN where the classifier's input does not show the file."""
    heatmap = to_frame(unit_range(scores).astype(np.float32), height, width, spec)
    place = spec.resize.placement(height, width, spec.height, spec.width)
    rows, columns = (np.arange(size) + 0.5 for size in (height, width))
    heatmap[(rows < place.top) | (rows > place.top + place.height)] = np.nan
    heatmap[:, (columns < place.left) | (columns > place.left + place.width)] = np.nan
    return heatmap


def _summary(method: str, parts: PartIntensity) -> PartSummary:
    eyes, feet = parts.intensity["eyes"], parts.intensity["feet"]
    ratio = intensity_ratio(parts, "eyes", "feet")
    return PartSummary(method, parts.category, eyes, feet, ratio, parts.images)
