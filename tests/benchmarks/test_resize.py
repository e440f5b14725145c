import json
import sys
from pathlib import Path

import pytest

from benchmarks import resize

FACTS = {"cpu": "a processor", "cores": 2, "onnxruntime": "1", "opencv": "4", "pillow": "11", "torch": "2"}


def test_ratios_are_relative_to_the_graph_of_the_same_run() -> None:
    samples = {"graph": [4.0, 5.0, 6.0], "stretch, fast": [5.0, 6.0, 9.0]}
    report = resize.summarise(samples)
    assert report["over_graph"] == pytest.approx({"graph": 1, "stretch, fast": 1.2})
    assert report["samples_ms"] is samples, "the raw samples are published"
    run = {"frame": "720p", "threads": 2, **report}
    text = resize.table({"runs": [run], "resizes": {}, "machine": FACTS})
    assert "| 720p | 2 | run, stretch, fast | 6.00 | 5.50 to 7.50 | 1.20 |" in text


@pytest.mark.slow
def test_all_rules_are_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resize, "SIZES", {"small": (300, 400)})
    monkeypatch.setattr(
        sys, "argv", ["resize", "-o", str(tmp_path / "out"), "--rounds", "1", "--threads", "1"]
    )
    resize.main()
    report = json.loads((tmp_path / "out.json").read_text())
    assert set(report["runs"][0]["samples_ms"]) == {"graph", *resize.RULES}
    assert len(report["resizes"]["small"]["samples_ms"]) == 2 * len(resize.LIBRARIES)
    assert (tmp_path / "out.md").read_text() == resize.table(report)
