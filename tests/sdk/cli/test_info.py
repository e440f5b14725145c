from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from helpers import toy


def test_info_shows_the_manifest_the_versions_and_the_backend(whyframe, toy_path: Path) -> None:
    text = whyframe("info", toy_path, model=None).out
    for fact in ("mask_height", "ct, eta 1.5, h 2.5", "onnxruntime", "CPUExecutionProvider", "PyAV", "5 ("):
        assert fact in text


def test_json_has_the_same_facts(whyframe, toy_path: Path) -> None:
    facts = json.loads(whyframe("info", toy_path, "--json", model=None).out)
    assert set(facts) == {"model", "manifest", "versions", "runtime"}
    assert facts["manifest"]["labels"] == list(toy.LABELS)
    assert facts["versions"]["numpy"] == np.__version__


def test_labels_are_listed_with_their_ids(whyframe, toy_path: Path) -> None:
    labels = whyframe("info", toy_path, "--labels", model=None).out.splitlines()
    assert labels[3] == "3\twhite, bright"
