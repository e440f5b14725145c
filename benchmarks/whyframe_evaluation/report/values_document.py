"""The results of an evaluation as one JSON document, ``values.json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from whyframe.files import json_text
from whyframe_evaluation.run.map_metrics import Column
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.evaluation_result import EvaluationFacts, EvaluationResult
from whyframe_evaluation.summary.method_summary import COLUMNS, MethodSummary

__all__ = ["values_document"]

_DIGITS = 4  # after the decimal point, of values in percent


def values_document(result: EvaluationResult) -> str:
    """Return the facts, columns, images, summaries, experiments and all values as JSON, one entry of a list per line.

    The curves, which are longer than all the rest, are only in ``values.jsonl``.
    """
    experiments = dict(result.experiments)
    if result.part_summaries is not None:
        experiments["parts"] = [asdict(summary) for summary in result.part_summaries]
    document = {
        "facts": _facts(result.facts),
        "columns": {name: _column(column) for name, column in COLUMNS.items()},
        "pictures": [_sample(sample) for sample in result.samples],
        "summary": [_summary(summary) for summary in result.method_summaries],
        "experiments": experiments,
        "rows": [_map_result(item) for item in result.map_results],
    }
    return "{" + ",\n".join(f"{json_text(key)}: {_lines(part)}" for key, part in document.items()) + "}\n"


def _lines(part: Any) -> str:
    """Return JSON; a list has one entry per line."""
    if not isinstance(part, list):
        return json_text(part)
    return "[\n" + ",\n".join(json_text(entry) for entry in part) + "\n]"


def _facts(facts: EvaluationFacts) -> dict[str, Any]:
    left_out = {"left out, without a box of the predicted class": facts.left_out}
    return {
        "classifier": facts.classifier,
        "data": facts.data,
        "pictures": facts.images,
        "with boxes": facts.boxed,
        **(left_out if facts.left_out else {}),
        "budget": facts.budget,
        "whyframe": facts.version,
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "title": column.title,
        "description": column.description,
        "group": column.group,
        "higher_is_better": column.higher_is_better,
    }


def _sample(sample: Sample) -> dict[str, Any]:
    keys = ("file", "target", "boxes", "category", "difficult", "digest")
    return {key: getattr(sample, key) for key in keys}


def _summary(summary: MethodSummary) -> dict[str, Any]:
    return {
        "method": summary.method,
        "cells": {name: asdict(value) for name, value in summary.estimates.items()},
        "forward": summary.forward,
        "backward": summary.backward,
        "seconds": summary.seconds,
        "failures": summary.failures,
    }


def _map_result(result: MapResult) -> dict[str, Any]:
    values = {name: None if value is None else round(value, _DIGITS) for name, value in result.values.items()}
    return {key: value for key, value in asdict(result).items() if key != "curves"} | {"values": values}
