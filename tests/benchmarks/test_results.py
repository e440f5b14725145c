"""The pages in `benchmarks/results` are what the scripts write from the raw values beside them."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks import distribution, explainers, fp16, joint, latency, quality, stream

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def values(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("explainers", explainers),
        ("fp16", fp16),
        ("joint", joint),
        ("joint-seed1", joint),
        ("latency", latency),
        ("quality", quality),
        ("squeezenet", quality),
        ("stream", stream),
    ],
)
def test_a_page_starts_with_what_its_script_writes(name: str, script: ModuleType) -> None:
    page = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(script.table(values(name)))


def test_the_page_of_distributions_is_what_its_script_writes() -> None:
    report = values("distribution")
    page = distribution.table(report["values"], len(report["photographs"]))
    assert (RESULTS / "distribution.md").read_text(encoding="utf-8") == page
