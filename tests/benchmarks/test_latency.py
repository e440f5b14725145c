import pytest
from benchmarks.latency import summarise, table

SAMPLES = {
    "ort classifier": [10.0, 11.0, 12.0],
    "ort fused": [11.0, 12.0, 13.0],
    "eager classifier": [30.0, 30.0, 30.0],
    "eager fused": [48.0, 48.0, 48.0],
}
FACTS = {"cpu": "a processor", "threads": 2, "onnxruntime": "1", "torch": "2"}


def test_ratios_are_of_medians_in_the_same_run() -> None:
    report = summarise(SAMPLES)
    assert report["quartiles_ms"]["ort fused"] == pytest.approx([11.5, 12.0, 12.5])
    assert report["over_ort_fused"]["eager fused"] == pytest.approx(4.0)
    assert report["explanation_overhead"] == pytest.approx({"ort": 12 / 11, "eager": 1.6})
    assert report["samples_ms"] is SAMPLES, "the raw samples are published"


def test_the_page_has_a_row_for_each_measured_variant_only() -> None:
    text = table({**summarise(SAMPLES), "machine": FACTS})
    rows = [line for line in text.splitlines() if line.startswith("| ") and "median" not in line]
    assert len(rows) == 4
    assert "| PyTorch eager, classifier + mask predictor | 48.00 | 48.00 to 48.00 | 4.00 |" in rows
    assert "torch.compile" not in text
