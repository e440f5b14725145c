"""Thresholds of the labels of a multi-label classifier, from a number, a list, or numbers by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whyframe.errors import WhyframeError
from whyframe.json_reader import parse_json, read_json

__all__ = ["DEFAULT", "Thresholds", "label_thresholds", "parse_thresholds"]

Thresholds = float | Sequence[float] | Mapping[str, float]
"""A number for all labels, one for each label in their order, or numbers by label."""

DEFAULT = 0.5
"""Threshold of a label for which none is given."""


def parse_thresholds(text: str) -> Thresholds:
    """Return the thresholds that the value of `--threshold` gives.

    Args:
        text: A number, numbers separated by commas, a JSON object from label to number, or the path of a JSON file.

    Raises:
        WhyframeError: The text is none of these.
    """
    try:
        if text.lstrip().startswith(("{", "[")):
            return parse_json(text)  # type: ignore[no-any-return]
        if text.endswith(".json"):
            return read_json(text)  # type: ignore[no-any-return]
        numbers = [float(part) for part in text.split(",")]
    except (ValueError, OSError) as error:
        raise WhyframeError(
            f"--threshold takes a number, numbers separated by commas, or JSON from label to number, got {text!r:.80}"
        ) from error
    return numbers[0] if len(numbers) == 1 else numbers


def label_thresholds(
    given: Thresholds | None, labels: Sequence[str], *, exclusive: bool
) -> tuple[float, ...]:
    """Return the thresholds of a manifest.

    Args:
        given: The thresholds; None for `DEFAULT`.
        labels: Names of the labels.
        exclusive: Whether the classes exclude each other, so that they have no thresholds.

    Returns:
        One number for all labels, or one for each.

    Raises:
        WhyframeError: The classes exclude each other, a label is unknown, the numbers are not as many as the labels, or
            a threshold is not a number in [0, 1].
    """
    if given is None:
        return (DEFAULT,)
    if exclusive:
        raise WhyframeError(
            "--threshold is for multi-label classifiers, and the classes of this one exclude each other: leave it "
            "out, or pass --activation sigmoid if they are independent labels"
        )
    values = _values(given, labels)
    if len(values) not in (1, len(labels)):
        raise WhyframeError(
            f"--threshold gives {len(values)} numbers for {len(labels)} labels: give one number, or one for each label"
        )
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise WhyframeError(f"--threshold gives {value!r:.40}: give numbers from 0 to 1")
    return tuple(float(value) for value in values)


def _values(given: Thresholds, labels: Sequence[str]) -> list[float]:
    if isinstance(given, Mapping):
        unknown = [label for label in given if label not in labels]
        if unknown:
            raise WhyframeError(
                f"--threshold names {', '.join(map(repr, unknown[:3]))}, which are no labels of the classifier: "
                "`whyframe info --labels` lists those of a model"
            )
        return [given.get(label, DEFAULT) for label in labels]
    return list(given) if isinstance(given, Sequence) else [given]
