"""Answers of a user's pipeline, in any of the forms that people return, as one probability for each class."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.errors import WhyframeError

__all__ = ["AnswerError", "to_probabilities"]

_NOT_NUMBERS = "predict returned values that are not numbers; return probabilities in [0, 1]."
_TOLERANCE = 1e-3
"""Largest distance of a value from [0, 1] that is taken for rounding."""


class AnswerError(WhyframeError):
    """An answer of a user's pipeline that is not a probability for each class."""


def to_probabilities(answer: Any, labels: Sequence[str]) -> NDArray[np.float64]:
    """Convert the answer of a user's pipeline for one image.

    Args:
        answer: Array, tensor or list of C probabilities, alone or as a batch of one; a mapping from labels or class
            ids to probabilities; or a list of mappings with ``label`` and ``score``, as Hugging Face's pipelines
            return. A single number is the probability of the second of two classes.
        labels: Labels of the C classes.

    Returns:
        C float64 probabilities; NaN for classes that a mapping does not name.

    Raises:
        AnswerError: The answer has another form, another number of classes, or values outside [0, 1].
    """
    if isinstance(answer, Mapping):
        values = _from_mapping(answer, labels)
    elif _is_scored_list(answer):
        values = _from_mapping({entry["label"]: entry["score"] for entry in answer}, labels)
    else:
        values = _from_array(answer, len(labels))
    return _checked(values)


def _from_array(answer: Any, classes: int) -> NDArray[np.float64]:
    try:
        array = np.asarray([] if answer is None else _on_host(answer), np.float64)
    except (TypeError, ValueError) as error:
        raise AnswerError(
            f"predict returned {type(answer).__name__}, not probabilities; "
            f"return an array of {classes} numbers, or a dict from label to probability."
        ) from error
    values = array.reshape(-1)
    if answer is None:
        raise AnswerError(f"predict returned None; return an array of {classes} probabilities.")
    if np.isnan(values).any():
        raise AnswerError(_NOT_NUMBERS)
    if classes == 2 and values.size == 1:
        values = np.array([1 - values[0], values[0]])
    if values.size != classes:
        shape = " x ".join(map(str, array.shape)) or "one"
        raise AnswerError(
            f"predict returned {shape} values and the model has {classes} classes; return one probability "
            "for each class of one image, in the order of the model's labels."
        )
    return values


def _on_host(answer: Any) -> Any:
    """Return a tensor of PyTorch in host memory, in float32, which numpy has for every one of its types."""
    return answer.detach().cpu().float().numpy() if hasattr(answer, "detach") else answer


def _is_scored_list(answer: Any) -> bool:
    return (
        isinstance(answer, (list, tuple))
        and bool(answer)
        and all(isinstance(entry, Mapping) and {"label", "score"} <= set(entry) for entry in answer)
    )


def _from_mapping(answer: Mapping[Any, Any], labels: Sequence[str]) -> NDArray[np.float64]:
    values = np.full(len(labels), np.nan)
    for key, value in answer.items():
        number = np.asarray(_on_host(value), np.float64).reshape(-1) if _is_number(value) else np.empty(0)
        if number.size != 1:
            raise AnswerError(f"predict returned {value!r:.60} for {key!r:.60}; return a probability.")
        if np.isnan(number[0]):
            raise AnswerError(_NOT_NUMBERS)
        found = _classes_of(key, labels)
        if len(found) == 1:  # a label that two classes share says nothing about either
            values[found[0]] = number[0]
    if np.isnan(values).all():
        raise AnswerError("predict returned no class of the model; return a probability for each label.")
    return values


def _is_number(value: Any) -> bool:
    try:
        np.asarray(_on_host(value), np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _classes_of(key: Any, labels: Sequence[str]) -> list[int]:
    """Return the ids of the classes that a key names."""
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        if 0 <= key < len(labels):
            return [int(key)]
        raise AnswerError(f"predict returned class {key}; the model's classes are 0 to {len(labels) - 1}.")
    found = [index for index, label in enumerate(labels) if label == key]
    if not found:
        near = difflib.get_close_matches(str(key), labels, 1)
        advice = f"did it mean {near[0]!r}?" if near else "`whyframe info --labels` lists them."
        raise AnswerError(f"predict returned the label {key!r:.60}, which the model does not have; {advice}")
    return found


def _checked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = values[~np.isnan(values)]
    if len(known) == 0 or not np.isfinite(known).all():
        raise AnswerError(_NOT_NUMBERS)
    low, high = float(known.min()), float(known.max())
    if low < -_TOLERANCE or high > 1 + _TOLERANCE:
        raise AnswerError(
            f"predict returned values from {low:.3g} to {high:.3g}, which are no probabilities; "
            "apply softmax (or sigmoid) before you return them, or divide percentages by 100."
        )
    return values
