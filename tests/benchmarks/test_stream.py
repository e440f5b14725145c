import sys
from pathlib import Path

import pytest

from benchmarks import stream
from helpers.clips import write_clip


def test_the_ratio_is_the_time_divided_by_that_of_the_slower_part() -> None:
    facts = {"clip": "a.mp4", "size": "4 x 3", "frames": 2}
    seconds = {"decoding": [1, 9, 2], "inference": [4], "stream": [5, 6, 7]}
    report = stream.summarise(facts, seconds, {"decoding": [3], "inference": [7], "stream": [11]}, 2)
    assert report["median_s"] == {"decoding": 2, "inference": 4, "stream": 6}
    assert report["ratio"] == 1.5
    assert report["floor"] == 5 / 4
    assert (
        stream.summarise(facts, seconds, {"decoding": [3], "inference": [4], "stream": [7]}, 2)["floor"] == 1
    )


def test_a_clip_is_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(
        sys,
        "argv",
        ["stream", str(clip), "-o", str(tmp_path / "out"), "--rounds", "1", "--threads", "1", "2"],
    )
    stream.main()
    assert (tmp_path / "out.md").read_text().count("| clip.mp4 |") == 2
    assert (tmp_path / "out.json").exists()
