from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import explainers
from helpers import toy
from whyframe import ExplainEngine


def test_the_overhead_is_the_ratio_of_medians() -> None:
    times = {"a fused": [3.0, 6.0, 90.0], "a classifier": [4.0, 1.0, 5.0]}
    assert explainers.overhead(times, "a") == pytest.approx(1.5)


def test_a_page_has_a_row_for_each_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photos = [tmp_path / f"{i}.png" for i in range(3)]
    for photo in photos:
        cv2.imwrite(
            str(photo), np.kron(rng.integers(0, 256, (4, 4, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
        )
    engines = {
        mode: ExplainEngine(toy.write(tmp_path / f"{mode}.onnx", mode=mode), threads=1)
        for mode in ("ct", "bt")
    }
    report = {
        "faithfulness": {**explainers.faithfulness_of(engines, photos), "ct": [50.0, 60.0, None]},
        "milliseconds": explainers.latency_of(engines, photos[0], 2),
        "explainers": {"ct": "cam", "bt": "cam"},
        "data": "3 images",
        "machine": {"cpu": "x", "threads": 1, "onnxruntime": "1"},
        "seed": 0,
    }
    report["faithfulness"]["bt"] = [40.0, 50.0, None]
    page = explainers.table(report)
    assert "| ct | cam |" in page
    assert "| 45.00 | +10.00 (+10.00 to +10.00) |" in page
    assert "on 2 of 3 images" in page
