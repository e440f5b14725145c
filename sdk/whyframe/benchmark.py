"""What an explanation costs: the fused graph beside its own classifier, `run` end to end, and the drawing."""

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

__all__ = ["Benchmark", "interleave", "machine_facts", "measure"]


@dataclass(frozen=True)
class Benchmark:
    """Latencies of one engine, measured in turns in one process.

    Attributes:
        samples: milliseconds of each round, by variant: ``classifier`` (the classifier alone, cut from the
            same file), ``fused`` (classifier and explainer), ``run`` (`ExplainEngine.run` of the frame) and
            ``overlay`` (scaling the map to the frame and drawing it).
        machine: facts that the figures depend on.
    """

    samples: dict[str, list[float]]
    machine: dict[str, Any]

    def quartiles(self, variant: str) -> tuple[float, float, float]:
        """First quartile, median and third quartile, in milliseconds."""
        first, median, third = np.percentile(self.samples[variant], (25, 50, 75))
        return float(first), float(median), float(third)

    @property
    def explanation_overhead(self) -> float:
        """Median of the fused graph over median of the classifier alone."""
        return self._median("fused") / self._median("classifier")

    @property
    def run_overhead(self) -> float:
        """Median of `ExplainEngine.run` over median of the fused graph."""
        return self._median("run") / self._median("fused")

    def to_dict(self) -> dict[str, Any]:
        """JSON values: the quartiles, the two ratios, the machine, and the raw samples."""
        return {
            "quartiles_ms": {variant: self.quartiles(variant) for variant in self.samples},
            "explanation_overhead": self.explanation_overhead,
            "run_overhead": self.run_overhead,
            "machine": self.machine,
            "samples_ms": self.samples,
        }

    def _median(self, variant: str) -> float:
        return self.quartiles(variant)[1]


def measure(engine: ExplainEngine, frame: NDArray[np.uint8], *, rounds: int = 50) -> Benchmark:
    """Measures an engine.

    Each round calls every variant once, in a fresh random order, so that a machine that slows down, or a
    variant that leaves the caches cold for the next, favours none of them.

    Args:
        engine: what is measured.
        frame: H x W x 3 uint8 BGR for `run` and the overlay; the graph gets it at its own size.
        rounds: timed calls of each variant, after a warm-up.

    Returns:
        The samples.

    Raises:
        FrameError: the frame cannot be explained, or there are no rounds.
    """
    if rounds < 1:
        raise FrameValueError(f"rounds is {rounds}; give at least 1.")
    return Benchmark(
        interleave(_variants(engine, frame), rounds), {**machine_facts(), **_subject(engine, frame)}
    )


def interleave(
    variants: dict[str, Callable[[], object]], rounds: int, *, warm_up: int = 5
) -> dict[str, list[float]]:
    """Times variants in turns, each round in a fresh random order, after a warm-up.

    A timed call follows an untimed one of the same variant: none pays for the caches and the spinning threads
    that another library's call has left behind.

    Args:
        variants: what is timed, by name.
        rounds: timed calls of each.
        warm_up: rounds before them that do not count.

    Returns:
        Milliseconds of each call, by name, in the order of the rounds.
    """
    samples: dict[str, list[float]] = {name: [] for name in variants}
    order = random.Random(0)
    for turn in range(-warm_up, rounds):
        for name in order.sample(list(variants), len(variants)):
            variants[name]()
            milliseconds = _time(variants[name])
            if turn >= 0:
                samples[name].append(milliseconds)
    return samples


def _variants(engine: ExplainEngine, frame: NDArray[np.uint8]) -> dict[str, Callable[[], object]]:
    result = engine.run(frame)
    inputs = to_input(frame, engine.manifest.side, engine.manifest.resize)[None]
    predicted = np.array([-1], np.int64)
    return {
        "classifier": lambda: engine.backend_object.classify(inputs),
        "fused": lambda: engine.backend_object.explain(inputs, predicted),
        "run": lambda: engine.run(frame),
        # A copy of the scores, whose map is not scaled to the frame yet.
        "overlay": lambda: replace(result, scores=copy(result.scores)).overlay(),
    }


def _time(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1e3


def machine_facts() -> dict[str, Any]:
    """What latencies depend on: processor, cores this process may use, system, versions."""
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


def _subject(engine: ExplainEngine, frame: NDArray[np.uint8]) -> dict[str, Any]:
    return {
        "device": engine.backend_object.device,
        "backend": engine.backend_name,
        "frame": f"{frame.shape[1]} x {frame.shape[0]}",
        "model": engine.manifest.classifier,
    }


def _cpu_name() -> str:
    """The processor as Linux names it, or as Python knows it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as facts:
            return next(line.partition(":")[2].strip() for line in facts if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
