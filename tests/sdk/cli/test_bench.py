from __future__ import annotations

import json


def test_bench_prints_quartiles_and_ratios(whyframe) -> None:
    text = whyframe("bench", "--rounds", 2).out
    assert "explanation overhead (fused / classifier alone): " in text
    assert "run() on a 1280 x 720 frame" in text


def test_the_help_documents_every_field_of_the_json(whyframe) -> None:
    values = json.loads(whyframe("bench", "--rounds", 2, "--json").out)
    assert values["machine"]["frame"] == "1280 x 720"
    assert len(values["samples_ms"]["fused"]) == 2
    text = whyframe("bench", "--help", model=None).out
    assert all(name in text for name in (*values, *values["samples_ms"]))
