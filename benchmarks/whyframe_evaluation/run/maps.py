"""Storage of the maps, so that they can be measured and drawn again without running the methods."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from whyframe.files import atomic_write

__all__ = ["Maps"]


@dataclass(frozen=True)
class Maps:
    """A folder of maps: ``METHOD/IMAGE.npz``, each with the single array ``scores``.

    Attributes:
        folder: Path of the folder; created with the first map.
    """

    folder: Path

    def save(self, method: str, file: str, scores: NDArray[np.float32]) -> None:
        """Store h x w scores exactly: rounding would make ties, and metrics rank the scores."""
        path = self._path(method, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, scores=scores)
        atomic_write(path, buffer.getvalue())

    def load(self, method: str, file: str) -> NDArray[np.float32] | None:
        """Return the h x w scores, or None where there is no map or it cannot be read."""
        try:
            with np.load(self._path(method, file)) as arrays:
                return np.asarray(arrays["scores"], np.float32)
        except (OSError, ValueError, KeyError, BadZipFile):
            return None

    def exists(self, method: str, file: str) -> bool:
        """Return whether a map is stored."""
        return self._path(method, file).is_file()

    def _path(self, method: str, file: str) -> Path:
        return self.folder / method / f"{file}.npz"
