"""Every map that a method gave, kept, so that it can be measured and drawn again without the method."""

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
    """A folder of maps, ``METHOD/PICTURE.npz`` with the one array ``scores``.

    Attributes:
        folder: made with the first map.
    """

    folder: Path

    def keep(self, method: str, file: str, scores: NDArray[np.float32]) -> None:
        """Keeps h x w scores as they are: rounding would make ties, and measures rank the scores."""
        path = self._path(method, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, scores=scores)
        atomic_write(path, buffer.getvalue())

    def get(self, method: str, file: str) -> NDArray[np.float32] | None:
        """H x w; None where there is none, or one that cannot be read."""
        try:
            with np.load(self._path(method, file)) as arrays:
                return np.asarray(arrays["scores"], np.float32)
        except (OSError, ValueError, KeyError, BadZipFile):
            return None

    def has(self, method: str, file: str) -> bool:
        """Whether a map is kept."""
        return self._path(method, file).is_file()

    def _path(self, method: str, file: str) -> Path:
        return self.folder / method / f"{file}.npz"
