from __future__ import annotations

import json

import numpy as np
import pytest

from whyframe import ExplainEngine, scores
from whyframe.benchmark import Benchmark, latency_variants, measure_latency, time_interleaved
from whyframe.errors import FrameError

VARIANTS = {"classifier", "fused", "run", "overlay"}


def test_quartiles_and_ratios_of_known_samples() -> None:
    result = Benchmark({"classifier": [4, 1, 2, 3, 5], "fused": [6, 6, 6], "run": [9, 9, 9]}, {})
    assert result.quartiles("classifier") == (2, 3, 4)
    assert result.explanation_overhead == 2
    assert result.run_overhead == 1.5


def test_every_variant_is_called_equally_often_and_in_changing_order() -> None:
    calls: list[str] = []
    variants = {name: lambda name=name: calls.append(name) for name in VARIANTS}
    samples = time_interleaved(variants, rounds=20)
    assert {name: len(times) for name, times in samples.items()} == dict.fromkeys(VARIANTS, 20)
    assert calls[::2] == calls[1::2], "an untimed call of the same variant comes first"
    rounds = [tuple(calls[start : start + 8 : 2]) for start in range(0, len(calls), 8)]
    assert len(rounds) > 20, "warm-up rounds are not in the samples"
    assert all(set(order) == VARIANTS for order in rounds)
    assert len(set(rounds)) > 10


def test_each_variant_computes_what_its_name_states(engine: ExplainEngine, frame: np.ndarray) -> None:
    variants = latency_variants(engine, frame)
    assert set(variants) == VARIANTS
    probabilities, class_id, saliency = variants["fused"]()
    expected = engine.run(frame)
    np.testing.assert_array_equal(variants["classifier"](), probabilities)
    np.testing.assert_array_equal(probabilities[0], expected.probabilities)
    np.testing.assert_array_equal(saliency[0], expected.mask)
    assert class_id == [expected.class_id]
    assert variants["run"]().label == expected.label
    np.testing.assert_array_equal(variants["overlay"](), expected.overlay())


def test_every_overlay_includes_the_resizing_of_the_map(
    engine: ExplainEngine, frame: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    resized = []
    to_frame = scores.to_frame
    monkeypatch.setattr(scores, "to_frame", lambda *args: (resized.append(1), to_frame(*args))[1])
    overlay = latency_variants(engine, frame)["overlay"]
    overlay()
    overlay()
    assert len(resized) == 2


def test_the_result_is_json_with_the_raw_samples(engine: ExplainEngine, frame: np.ndarray) -> None:
    values = json.loads(json.dumps(measure_latency(engine, frame, rounds=3).to_dict()))
    assert set(values["samples_ms"]) == set(values["quartiles_ms"]) == VARIANTS
    assert all(len(samples) == 3 and min(samples) > 0 for samples in values["samples_ms"].values())
    assert values["machine"]["frame"] == "64 x 48"


def test_fewer_than_1_round_is_refused(engine: ExplainEngine, frame: np.ndarray) -> None:
    with pytest.raises(FrameError, match="at least 1"):
        measure_latency(engine, frame, rounds=0)
