"""Description of a classifier's input and labels for people: what they are, and where they are stated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whyframe.resize_rule import ResizeRule
from whyframe_training.classifiers.specification import ASSUMED_LABELS

if TYPE_CHECKING:
    from whyframe.input_spec import InputSpec
    from whyframe_training.classifiers.classifier import Classifier
    from whyframe_training.classifiers.networks import ClassifierSpec

__all__ = ["describe_input"]


def describe_input(spec: ClassifierSpec, classifier: Classifier, replaced: ResizeRule | None = None) -> str:
    """Return lines of text: the input that the classifier takes, and what of it was given, read or assumed.

    Args:
        spec: Specification of the classifier.
        classifier: The classifier that was built from it.
        replaced: Former resize rule, where `export` replaced it by another; else None.
    """
    own = classifier.input
    numbers = f"mean {_listing(own.mean)}, std {_listing(own.std)}"
    lines = [
        f"input: {own}; {numbers}",
        f"       {_origins(spec, classifier.input_from, replaced is not None)}",
    ]
    if own.channels == 4 and own.resize.interpolation != "nearest":
        lines.append(f"       alpha: {_alpha(own)}")
    if classifier.labels_from == ASSUMED_LABELS:
        lines.append(
            f"labels: {ASSUMED_LABELS}, because nothing states them; pass --labels FILE if they are others"
        )
    if replaced is not None and replaced != own.resize:
        lines.append(f"       the resize rule replaces that of the classifier: {replaced}")
    return "\n".join(lines)


def _alpha(own: InputSpec) -> str:
    if own.resize.weights_by_alpha(own.channels):
        return (
            "colours are weighted by alpha, as Pillow resizes; --no-premultiplied resizes all channels alike"
        )
    return "the four channels are resized alike; Pillow weights colours by alpha, and differs"


def _listing(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.4g}" for value in values)


def _origins(spec: ClassifierSpec, source: str, rule_given: bool) -> str:
    """Return what was given by options, and where the rest is stated."""
    parts = {
        "size": spec.side is not None,
        "colour": spec.color is not None or spec.channels is not None,
        "resize rule": bool(spec.resize) or rule_given,
        "mean": spec.mean is not None,
        "std": spec.std is not None,
    }
    given = [name for name, is_given in parts.items() if is_given]
    rest = [name for name, is_given in parts.items() if not is_given]
    words = [f"given: {', '.join(given)}"] if given else []
    if rest and source:
        words.append(f"from {source}: {', '.join(rest)}")
    elif rest:
        words.append(f"assumed, because the network does not state it: {', '.join(rest)}")
    return "; ".join(words)
