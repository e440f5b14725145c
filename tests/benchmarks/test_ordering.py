import json
import sys
from pathlib import Path

import pytest

from benchmarks import ordering


def test_differences_are_over_the_images_that_both_methods_have() -> None:
    ours = {f"{i}.png": 60.0 + i for i in range(8)} | {"only ours": 0.0}
    theirs = {f"{i}.png": 50.0 + i for i in range(8)} | {"only theirs": 99.0}
    files = {"only ours", "only theirs", *(f"{i}.png" for i in range(4))}
    found = ordering.difference(ours, theirs, files)
    assert (found.mean, found.low, found.high, found.count) == (10, 10, 10, 4)


def test_the_values_of_an_evaluation_become_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"ct": 70.0, "cam": 60.0, "slow": None}
    rows = [
        {"method": name, "file": file, "values": {"faithfulness": value}}
        for name, value in values.items()
        for file in ("boxed/a.png", "photos/b.png")
    ]
    images = [{"file": "boxed/a.png", "boxes": [[0, 0, 1, 1]]}, {"file": "photos/b.png", "boxes": []}]
    (tmp_path / "values.json").write_text(json.dumps({"rows": rows, "pictures": images}))
    monkeypatch.setattr(
        sys, "argv", ["ordering", str(tmp_path / "values.json"), "-o", str(tmp_path / "ordering")]
    )
    ordering.main()
    text = (tmp_path / "ordering.md").read_text()
    cell = "**+10.00 (+10.00 to +10.00)**"
    assert f"| cam | {cell}, n = 1 | {cell}, n = 2 |" in text
    assert "slow" not in text
    assert "bt minus" not in text
