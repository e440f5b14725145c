"""Comparison of a loaded model with its manifest."""

from __future__ import annotations

import numpy as np

from whyframe.backends import Backend
from whyframe.errors import ModelError
from whyframe.manifest import Manifest

__all__ = ["check_model"]


def check_model(manifest: Manifest, backend: Backend, name: str) -> None:
    """Compare the model with its manifest: its input first, then the sizes of its outputs, which takes a first run."""
    _compare(
        name,
        ("an input of", manifest.input.shape, backend.input_shape),
        ("a batch of", manifest.batch, backend.batch),
    )
    blank = np.zeros((backend.batch or 1, *backend.input_shape), np.uint8)
    probabilities, _, masks = backend.explain(blank, np.full(len(blank), -1, np.int64))
    _compare(
        name,
        ("a label count of", len(manifest.labels), probabilities.shape[1]),
        ("a mask height of", manifest.mask_height, masks.shape[1]),
        ("a mask width of", manifest.mask_width, masks.shape[2]),
    )


def _compare(name: str, *facts: tuple[str, object, object]) -> None:
    for quantity, stated, found in facts:
        if stated != found:
            raise ModelError(
                f"the manifest of {name} states {quantity} {stated} and its graph has {found}; export it again."
            )
