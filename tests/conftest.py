"""Fixtures of all tests: the toy model, an engine, frames, and the compiled kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from helpers import toy
from helpers.compiled import compile_host_twins
from whyframe import ExplainEngine
from whyframe.native.kernels import Kernels, load_host_twins
from whyframe.reader_threads import end_at_once


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the toy model with a dynamic batch size and the CT controller."""
    return toy.write(tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture
def engine(toy_path: Path) -> Iterator[ExplainEngine]:
    """An engine with the toy model."""
    with ExplainEngine(toy_path, threads=1) as engine:
        yield engine


@pytest.fixture
def rng() -> np.random.Generator:
    """A random generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture
def frame(rng: np.random.Generator) -> np.ndarray:
    """A 48 x 64 x 3 uint8 BGR frame of coarse blocks in random colours."""
    blocks = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((8, 8, 1), np.uint8))


@pytest.fixture(scope="session")
def host_twins(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    """The host twins of the kernels, compiled once."""
    return load_host_twins(compile_host_twins(tmp_path_factory.mktemp("twins")))


def pytest_unconfigure() -> None:
    """Keep the exit status of pytest, not that of the last command that a test called in this process."""
    end_at_once(None)
