"""Relations between two sets of probabilities that come from the same outputs of a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["relation"]

_EPSILON = 1e-9
_CLOSE = 0.02


def relation(ours: NDArray[np.float32], theirs: NDArray[np.float64]) -> str:
    """Return what turns the answers of a file into those of a pipeline; empty where nothing known does.

    Args:
        ours: N x C probabilities of the file.
        theirs: N x C probabilities of the pipeline.
    """
    if np.isnan(theirs).any():
        return ""
    p, q = np.asarray(ours, np.float64), theirs
    if _mean(np.sort(p, axis=1), np.sort(q, axis=1)) < _CLOSE < _mean(p, q):
        return "the same probabilities for other classes: the labels are in another order"
    for name, changed in _changes(p, q):
        if _mean(*changed) < _CLOSE:
            return name
    return ""


def _mean(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    return float(np.abs(p - q).max(axis=1).mean())


def _changes(
    p: NDArray[np.float64], q: NDArray[np.float64]
) -> list[tuple[str, tuple[NDArray[np.float64], NDArray[np.float64]]]]:
    """Return each way of computing probabilities with the pair of arrays that it makes equal."""
    logit = np.log(q.clip(_EPSILON, 1 - _EPSILON) / (1 - q).clip(_EPSILON))
    own_logit = np.log(p.clip(_EPSILON, 1 - _EPSILON) / (1 - p).clip(_EPSILON))
    return [
        (
            "your pipeline applies a sigmoid, the file a softmax: export with --activation sigmoid",
            (p, _softmax(logit)),
        ),
        (
            "your pipeline applies a softmax, the file a sigmoid: export with --activation softmax",
            (_softmax(own_logit), q),
        ),
        ("your pipeline applies a softmax to what are probabilities in the file", (_softmax(p), q)),
        (
            "the file applies a softmax to what are probabilities in your pipeline: export with --activation none",
            (p, _softmax(q)),
        ),
    ]


def _softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    odds = np.exp(x - x.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
