"""Rules for the fields of a manifest: types and bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whyframe.input_spec import InputSpec

__all__ = ["RULES", "SCHEMA_VERSION"]

SCHEMA_VERSION = 2
"""Version of the list of fields that this version of whyframe writes."""

_LARGEST_SIZE = 1 << 14
_MOST_LABELS = 1 << 20
_LONGEST_NAME = 1000


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_SIZE


def _are_labels(value: object) -> bool:
    return (
        isinstance(value, (list, tuple))
        and 0 < len(value) <= _MOST_LABELS
        and all(isinstance(label, str) and len(label) <= _LONGEST_NAME for label in value)
    )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_NAME


_EXPLAINERS = ("mask-predictor", "cam", "forward")

RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    (
        "schema_version",
        lambda v: v == SCHEMA_VERSION and not isinstance(v, bool),
        "a schema that this version knows",
    ),
    (
        "labels",
        _are_labels,
        f"a name of at most {_LONGEST_NAME:,} letters for each class, and at most {_MOST_LABELS:,} classes",
    ),
    ("input", lambda v: isinstance(v, InputSpec), "a description of the input"),
    ("mask_height", _is_size, f"a number of pixels from 1 to {_LARGEST_SIZE:,}"),
    ("mask_width", _is_size, f"a number of pixels from 1 to {_LARGEST_SIZE:,}"),
    (
        "activation",
        lambda v: isinstance(v, str) and v in ("softmax", "sigmoid", "none"),
        "'softmax', 'sigmoid' or 'none'",
    ),
    ("exclusive", lambda v: isinstance(v, bool), "true or false"),
    (
        "thresholds",
        lambda v: (
            bool(v)
            and all(isinstance(t, (int, float)) and not isinstance(t, bool) and 0 <= t <= 1 for t in v)
        ),
        "numbers in [0, 1]",
    ),
    (
        "explainer",
        lambda v: isinstance(v, str) and v in _EXPLAINERS,
        f"one of {', '.join(map(repr, _EXPLAINERS))}",
    ),
    (
        "controller",
        lambda v: isinstance(v, Mapping) and isinstance(v.get("name"), str),
        "a mapping with a name",
    ),
    ("classifier", _is_name, "a name"),
    ("generator", lambda v: v is None or _is_name(v), "a name or null"),
    ("batch", lambda v: v is None or _is_size(v), f"a number from 1 to {_LARGEST_SIZE:,}, or null"),
    ("training", lambda v: isinstance(v, Mapping), "a mapping"),
    ("precision", lambda v: isinstance(v, str) and v in ("fp32", "fp16"), "'fp32' or 'fp16'"),
    ("whyframe_version", _is_name, "a version"),
    ("digest", lambda v: isinstance(v, str), "hexadecimal text"),
)
"""Name of each field, the test that its value must pass, and what the value must be."""
