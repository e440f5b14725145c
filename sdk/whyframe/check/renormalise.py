"""The classifier of a fused file with another normalisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from whyframe.backends.base import CLASSIFIER
from whyframe.check.preparation import Normalisation
from whyframe.manifest import Manifest
from whyframe.modelfile import ENGINE_MAGIC, keep_outputs

__all__ = ["Renormaliser"]

_SCALE, _BIAS = "scale", "bias"  # the names of the normalisation in the graphs that `whyframe export` writes
_SAME = {"fp32": 1e-4, "fp16": 2e-2}


class Renormaliser:
    """Sessions of the classifier in which the two constants of the normalisation are replaced.

    The file's own normalisation is recognised by its answers: of the known normalisations, and of the one that the
    manifest states, it is the one that gives the answers of the file as it is.

    Args:
        model: Content of the model file.
        manifest: Manifest of the file.
        batch: Fixed batch size of the graph; None where it is dynamic.
        classify: Function from inputs to the probabilities of the file as it is.
        inputs: N x H x W x C uint8 frames on which the answers are compared.

    Attributes:
        own: The file's own normalisation; None where it is not recognised, so that no other can be tried.
    """

    def __init__(
        self,
        model: bytes,
        manifest: Manifest,
        batch: int | None,
        classify: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
        inputs: NDArray[np.uint8],
    ) -> None:
        self._batch = batch
        self._part = None if model.startswith(ENGINE_MAGIC) else keep_outputs(model, CLASSIFIER)
        self._sessions: dict[Normalisation, ort.InferenceSession] = {}
        self._constants: list[ort.OrtValue] = []  # a session reads them for as long as it lives
        self.known = _known(manifest)
        same, expected = _SAME.get(manifest.precision, 1e-4), classify(inputs)
        self.own = next((known for known in self.known if self._gives(known, inputs, expected, same)), None)

    def classify(self, inputs: NDArray[np.uint8], normalisation: Normalisation) -> NDArray[np.float32]:
        """Return the N x C probabilities of inputs under another normalisation."""
        if normalisation not in self._sessions:
            self._sessions[normalisation] = self._open(normalisation)
        session = self._sessions[normalisation]
        size = self._batch or len(inputs)
        rows = [
            np.minimum(np.arange(start, start + size), len(inputs) - 1)
            for start in range(0, len(inputs), size)
        ]
        names = {tensor.name for tensor in session.get_inputs()}
        feeds = ({"frames": inputs[row], "target": np.full(len(row), -1, np.int64)} for row in rows)
        runs = [session.run(CLASSIFIER, {name: feed[name] for name in names})[0] for feed in feeds]
        return np.concatenate(runs)[: len(inputs)]

    def _gives(
        self,
        normalisation: Normalisation,
        inputs: NDArray[np.uint8],
        expected: NDArray[np.float32],
        same: float,
    ) -> bool:
        if self._part is None:
            return False
        try:
            found = self.classify(inputs, normalisation)
        except (
            Exception
        ):  # ONNX Runtime refuses constants of another shape or type; its errors have no common base
            return False
        return bool(np.abs(found - expected).max() <= same)

    def _open(self, normalisation: Normalisation) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        mean, std = (np.array(values, np.float64) for values in (normalisation.mean, normalisation.std))
        for name, values in ((_SCALE, 1 / (255 * std)), (_BIAS, -mean / std)):
            constant = values.astype(np.float32).reshape(1, -1, 1, 1)
            self._constants.append(ort.OrtValue.ortvalue_from_numpy(constant))
            options.add_initializer(name, self._constants[-1])
        return ort.InferenceSession(self._part, options, providers=["CPUExecutionProvider"])


def _known(manifest: Manifest) -> list[Normalisation]:
    spec = manifest.input
    known = Normalisation.known(spec.channels)
    if not spec.mean or not spec.std:
        return known
    stated = Normalisation(spec.mean, spec.std, "that of the manifest")
    return [stated, *(other for other in known if (other.mean, other.std) != (stated.mean, stated.std))]
