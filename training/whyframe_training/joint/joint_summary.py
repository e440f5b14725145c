"""What the records of `comparison` say: accuracy, cross-entropy and faithfulness, the first pair minus the second."""

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
    """Means of both pairs, and paired bootstrap differences.

    Curves are compared on the records where `q_O - q_F` is over the minimum for both classifiers, and on those alone.

    Args:
        records: as `measure_all` gives them.
        names: of the two pairs.

    Returns:
        `accuracy`, `means`, `differences`, the counts of `measurable` records, `own_minus`: each pair's MF less that
        of other maps on the same classifier.
    """
    shared = [record for record in records if all(_drop(record, name) > MINIMUM_DROP for name in names)]
    values: dict[str, tuple[Sequence[Record], Value]] = {
        "accuracy": (records, lambda r, name: 100.0 * (predicted(r, name) == r["class"])),
        "cross_entropy": (records, cross_entropy),
        "faithfulness": (shared, lambda r, name: mf(r, name, "own")),
        "faithfulness_cam": (shared, lambda r, name: mf(r, name, "cam")),
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
    """`paired_difference`, JSON-safe."""
    return asdict(paired_difference(ours, theirs))


def predicted(record: Record, name: str) -> int:
    """The class that a pair's classifier gives."""
    return int(np.argmax(record[name]["logits"]))


def accuracy(records: Sequence[Record], name: str) -> Accuracy:
    """Of a pair's classifier."""
    return Accuracy(sum(predicted(r, name) == r["class"] for r in records), len(records))


def cross_entropy(record: Record, name: str) -> float:
    """Of a pair's classifier on the true class, in nats."""
    logits = torch.tensor(record[name]["logits"], dtype=torch.float64)
    return -float(logits.log_softmax(0)[record["class"]])


def mf(record: Record, name: str, source: str) -> float:
    """Faithfulness of a map to a pair's classifier, in percent; NaN where it cannot be measured."""
    return faithfulness(record[name]["curves"][source])


def _own_minus(shared: Sequence[Record], name: str) -> dict[str, dict[str, float]]:
    own = [mf(r, name, "own") for r in shared]
    return {source: difference(own, [mf(r, name, source) for r in shared]) for source in ("cam", "other")}


def _drop(record: Record, name: str) -> float:
    curve = record[name]["curves"]["own"]
    return curve[-1] - curve[0]
