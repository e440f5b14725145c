import sys
from pathlib import Path

import pytest
from benchmarks import stream
from clips import write_clip


def test_the_ratio_is_over_the_slower_part() -> None:
    facts = {"clip": "a.mp4", "size": "4 x 3", "frames": 2}
    report = stream.summarise(facts, {"decoding": [1, 9, 2], "inference": [4], "stream": [5, 6, 7]})
    assert report["median_s"] == {"decoding": 2, "inference": 4, "stream": 6}
    assert report["ratio"] == 1.5


def test_a_clip_is_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(sys, "argv", ["stream", str(clip), "-o", str(tmp_path / "out"), "--rounds", "1"])
    stream.main()
    assert "clip.mp4" in (tmp_path / "out.md").read_text()
    assert (tmp_path / "out.json").exists()
