"""Check of what a model returns for each batch of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.errors import ModelError

__all__ = ["check_answer", "check_outputs"]

_ROUNDING = 1e-3  # of half precision


def check_outputs(
    probabilities: NDArray[np.float32], class_id: NDArray[np.int64], saliency: NDArray[np.float32], rows: int
) -> None:
    """Raise an error where the outputs of a model are not what the graph contract says.

    Args:
        probabilities: N x C float32.
        class_id: N int64.
        saliency: N x h x w float32.
        rows: Number N of frames that were given.

    Raises:
        ModelError: An output has another number of rows or axes, a class id is not in ``range(C)``, or a probability or
            a score is not a number in [0, 1].
    """
    for name, output, axes in (
        ("probabilities", probabilities, 2),
        ("class_id", class_id, 1),
        ("saliency", saliency, 3),
    ):
        if output.ndim != axes or output.shape[0] != rows or not output.size:
            raise ModelError(
                f"the model returned {name} of shape {output.shape} for {rows} frames; export it again."
            )
    if class_id.min() < 0 or class_id.max() >= probabilities.shape[1]:
        raise ModelError(
            f"the model returned a class id that is not from 0 to {probabilities.shape[1] - 1}; export it again."
        )
    _check_shares("probability", probabilities)
    _check_shares("score", saliency)


def check_answer(probabilities: NDArray[np.float32], class_id: int) -> None:
    """Raise an error where the answer for one frame is not what the graph contract says; see `check_outputs`.

    Args:
        probabilities: C float32.
        class_id: Id of the explained class.

    Raises:
        ModelError: The class id is not in ``range(C)``, or a probability is not a number in [0, 1].
    """
    if not 0 <= class_id < len(probabilities):
        raise ModelError(
            f"the model returned a class id that is not from 0 to {len(probabilities) - 1}; export it again."
        )
    _check_shares("probability", probabilities)


def _check_shares(name: str, values: NDArray[Any]) -> None:
    """Raise an error where a value is not a number in [0, 1], up to the rounding of half precision.

    Args:
        name: Name of a value in the message.
        values: Float32 array of any shape, not empty.
    """
    low, high = float(values.min()), float(values.max())  # nan where a value is nan
    if low >= -_ROUNDING and high <= 1 + _ROUNDING:
        return
    if np.isfinite(values).all():
        raise ModelError(
            f"the model returned a {name} of {low if low < -_ROUNDING else high:.3g}, outside [0, 1]; export it again."
        )
    raise ModelError(f"the model returned a {name} that is not a number; export it again in float32.")
