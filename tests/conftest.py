"""What the tests share: the toy model, written once, and frames of known content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from helpers import toy
from helpers.compiled import compile_host_twins
from whyframe import ExplainEngine
from whyframe.native.kernels import Kernels, load_host_twins


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model of dynamic batch with the CT controller."""
    return toy.write(tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture
def engine(toy_path: Path) -> Iterator[ExplainEngine]:
    with ExplainEngine(toy_path, threads=1) as one:
        yield one


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def frame(rng: np.random.Generator) -> np.ndarray:
    """48 x 64 x 3 BGR: coarse blocks of random colours."""
    blocks = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((8, 8, 1), np.uint8))


@pytest.fixture(scope="session")
def host_twins(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    """The kernels' host twins, compiled once."""
    return load_host_twins(compile_host_twins(tmp_path_factory.mktemp("twins")))
