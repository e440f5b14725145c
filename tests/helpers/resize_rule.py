"""Reference of the manifest's resize rules: float64 matrices, independent of the code under test."""

from __future__ import annotations

import numpy as np


def area_rows(n_in: int, n_out: int) -> np.ndarray:
    """Return the n_out x n_in matrix that averages the input over the interval of each output sample."""
    edges = np.arange(n_out + 1) * n_in / n_out
    low, high = np.arange(n_in), np.arange(n_in) + 1
    overlap = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    return np.maximum(overlap, 0) * n_out / n_in


def linear_rows(n_in: int, n_out: int) -> np.ndarray:
    """Return the n_out x n_in matrix of linear interpolation with half-pixel centres; edge samples are repeated."""
    place = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
    left = np.minimum(place.astype(int), max(n_in - 2, 0))
    rows = np.zeros((n_out, n_in))
    np.add.at(rows, (np.arange(n_out), left), 1 - (place - left))
    np.add.at(rows, (np.arange(n_out), np.minimum(left + 1, n_in - 1)), place - left)
    return rows


def input_rows(n_in: int, n_out: int) -> np.ndarray:
    """Return the n_out x n_in matrix that halves while 2 n_out samples are left, then interpolates linearly."""
    rows = np.eye(n_in)
    while len(rows) >= 2 * n_out:
        rows = area_rows(len(rows), len(rows) // 2) @ rows
    return linear_rows(len(rows), n_out) @ rows
