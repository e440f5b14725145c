"""Latency of an explanation, compared in the same process with the latency of the classifier alone."""

from __future__ import annotations

import platform
import random
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from whyframe import __version__
from whyframe.cores import usable_cores
from whyframe.engine import ExplainEngine
from whyframe.errors import FrameValueError
from whyframe.preprocess import to_input

__all__ = ["Benchmark", "latency_variants", "machine_facts", "measure_latency", "time_interleaved"]


@dataclass(frozen=True)
class Benchmark:
    """Latencies of one engine, measured in interleaved rounds in one process.

    Attributes:
        samples: Milliseconds of each round, by variant: ``classifier`` (the classifier alone, a part of the
            same graph), ``fused`` (the classifier and the explanation), ``run`` (`ExplainEngine.run` of the
            frame) and ``overlay`` (resizing the map to the frame and drawing it).
        machine: Hardware and software that the latencies depend on.
    """

    samples: dict[str, list[float]]
    machine: dict[str, Any]

    def quartiles(self, variant: str) -> tuple[float, float, float]:
        """Return the first quartile, the median and the third quartile of a variant, in milliseconds."""
        first, median, third = np.percentile(self.samples[variant], (25, 50, 75))
        return float(first), float(median), float(third)

    @property
    def explanation_overhead(self) -> float:
        """Median of the fused graph divided by the median of the classifier alone."""
        return self._median("fused") / self._median("classifier")

    @property
    def run_overhead(self) -> float:
        """Median of `ExplainEngine.run` divided by the median of the fused graph."""
        return self._median("run") / self._median("fused")

    def to_dict(self) -> dict[str, Any]:
        """Return the quartiles, the two ratios, the machine and the raw samples as JSON values."""
        return {
            "quartiles_ms": {variant: self.quartiles(variant) for variant in self.samples},
            "explanation_overhead": self.explanation_overhead,
            "run_overhead": self.run_overhead,
            "machine": self.machine,
            "samples_ms": self.samples,
        }

    def _median(self, variant: str) -> float:
        return self.quartiles(variant)[1]


def measure_latency(engine: ExplainEngine, frame: NDArray[np.uint8], *, rounds: int = 50) -> Benchmark:
    """Measure the latency of an engine and of its classifier alone.

    The variants are timed as in `time_interleaved`.

    Args:
        engine: The engine to measure.
        frame: H x W x 3 uint8 BGR, for `ExplainEngine.run` and the overlay; the graph gets the resized frame.
        rounds: Number of timed calls of each variant, after a warm-up; 1 or more.

    Returns:
        The latencies and the machine that they were measured on.

    Raises:
        FrameError: The frame cannot be explained, or ``rounds`` is below 1.
    """
    if rounds < 1:
        raise FrameValueError(f"rounds is {rounds}; give at least 1.")
    samples = time_interleaved(latency_variants(engine, frame), rounds)
    return Benchmark(samples, {**machine_facts(), **_engine_facts(engine, frame)})


def time_interleaved(
    variants: dict[str, Callable[[], object]], rounds: int, *, warm_up: int = 5
) -> dict[str, list[float]]:
    """Time several calls in interleaved rounds.

    Each round times every variant once, in a new random order, so that a machine that becomes slower affects
    all of them alike. Each timed call follows an untimed call of the same variant, so that no variant is slowed
    by the caches and the busy threads that another library's call has left.

    Args:
        variants: The calls to time, by name.
        rounds: Number of timed calls of each variant.
        warm_up: Number of additional rounds before them, whose times are discarded.

    Returns:
        Milliseconds of each timed call, by name, in the order of the rounds.
    """
    samples: dict[str, list[float]] = {name: [] for name in variants}
    order = random.Random(0)
    for number in range(-warm_up, rounds):
        for name in order.sample(list(variants), len(variants)):
            variants[name]()
            milliseconds = _time(variants[name])
            if number >= 0:
                samples[name].append(milliseconds)
    return samples


def latency_variants(engine: ExplainEngine, frame: NDArray[np.uint8]) -> dict[str, Callable[[], Any]]:
    """Return the calls that `measure_latency` times.

    Args:
        engine: The engine to measure.
        frame: H x W x 3 uint8 BGR.

    Returns:
        The calls, by the names of variants that `Benchmark` lists.

    Raises:
        FrameError: The frame cannot be explained.
    """
    result = engine.run(frame)
    inputs = to_input(frame, engine.manifest.input)[None]
    predicted = np.array([-1], np.int64)
    return {
        "classifier": lambda: engine.backend_object.classify(inputs),
        "fused": lambda: engine.backend_object.explain(inputs, predicted),
        "run": lambda: engine.run(frame),
        # A copy of the scores, whose map is not resized to the frame yet.
        "overlay": lambda: replace(result, scores=copy(result.scores)).overlay(),
    }


def _time(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1e3


def machine_facts() -> dict[str, Any]:
    """Return what latencies depend on: the processor, the usable cores, the system and the versions."""
    return {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "platform": platform.platform(),
        "whyframe": __version__,
        "onnxruntime": onnxruntime.__version__,
        "opencv": cv2.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _engine_facts(engine: ExplainEngine, frame: NDArray[np.uint8]) -> dict[str, Any]:
    return {
        "device": engine.backend_object.device,
        "backend": engine.backend_name,
        "frame": f"{frame.shape[1]} x {frame.shape[0]}",
        "model": engine.manifest.classifier,
    }


def _cpu_name() -> str:
    """Return the name of the processor, from /proc/cpuinfo where it exists and from `platform` elsewhere."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
