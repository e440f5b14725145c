"""Summary of the records of `comparison`: accuracy, cross-entropy and faithfulness of two pairs, and differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

import numpy as np
import torch

from whyframe.perturb import MINIMUM_DROP, faithfulness
from whyframe_training.joint.accuracy import Accuracy
from whyframe_training.joint.comparison import Record
from whyframe_training.statistics import paired_difference

Value = Callable[[Record, str], float]


def summarise(records: Sequence[Record], names: tuple[str, str]) -> dict[str, Any]:
    """Return the means of two pairs, and the differences of the first minus the second with their intervals.

    Curves are compared only on the records where `q_O - q_F` exceeds `MINIMUM_DROP` for both classifiers.

    Args:
        records: Records of `measure_all`.
        names: Names of the two pairs.

    Returns:
        `accuracy`; `means`; `differences`; `measurable`, the number of records whose curves count; and `own_minus`, the
        faithfulness of each pair's own predictor minus that of other maps on the same classifier.
    """
    shared = [record for record in records if all(_drop(record, name) > MINIMUM_DROP for name in names)]
    values: dict[str, tuple[Sequence[Record], Value]] = {
        "accuracy": (records, lambda r, name: 100.0 * (predicted(r, name) == r["class"])),
        "cross_entropy": (records, cross_entropy),
        "faithfulness": (shared, lambda r, name: map_faithfulness(r, name, "own")),
        "faithfulness_cam": (shared, lambda r, name: map_faithfulness(r, name, "cam")),
        "preserved": (shared, lambda r, name: 100 * fmean(r[name]["curves"]["own"][1:])),
        "clean": (shared, lambda r, name: 100 * r[name]["curves"]["own"][-1]),
        "blurred": (shared, lambda r, name: 100 * r[name]["curves"]["own"][0]),
    }
    return {
        "accuracy": {name: accuracy(records, name).to_dict() for name in names},
        "means": {
            name: {key: fmean(f(r, name) for r in among) for key, (among, f) in values.items()}
            for name in names
        },
        "differences": {
            key: difference([f(r, names[0]) for r in among], [f(r, names[1]) for r in among])
            for key, (among, f) in values.items()
        },
        "measurable": {
            **{name: sum(_drop(r, name) > MINIMUM_DROP for r in records) for name in names},
            "both": len(shared),
            "same prediction": sum(predicted(r, names[0]) == predicted(r, names[1]) for r in shared),
        },
        "own_minus": {name: _own_minus(shared, name) for name in names},
    }


def difference(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Return `paired_difference` as JSON values."""
    return asdict(paired_difference(ours, theirs))


def predicted(record: Record, name: str) -> int:
    """Return the class id that a pair's classifier predicts."""
    return int(np.argmax(record[name]["logits"]))


def accuracy(records: Sequence[Record], name: str) -> Accuracy:
    """Return the accuracy of a pair's classifier."""
    return Accuracy(sum(predicted(r, name) == r["class"] for r in records), len(records))


def cross_entropy(record: Record, name: str) -> float:
    """Return the cross-entropy of a pair's classifier for the true class, in nats."""
    logits = torch.tensor(record[name]["logits"], dtype=torch.float64)
    return -float(logits.log_softmax(0)[record["class"]])


def map_faithfulness(record: Record, name: str, source: str) -> float:
    """Return the faithfulness of a map to a pair's classifier, in percent; NaN where it cannot be measured.

    Args:
        record: Record of an image.
        name: Name of the pair.
        source: "own", "other" or "cam", see `measure`.
    """
    return faithfulness(record[name]["curves"][source])


def _own_minus(shared: Sequence[Record], name: str) -> dict[str, dict[str, float]]:
    own = [map_faithfulness(r, name, "own") for r in shared]
    return {
        source: difference(own, [map_faithfulness(r, name, source) for r in shared])
        for source in ("cam", "other")
    }


def _drop(record: Record, name: str) -> float:
    curve = record[name]["curves"]["own"]
    return curve[-1] - curve[0]
