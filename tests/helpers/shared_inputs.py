"""Inputs that are kept outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_FOLDERS = [Path(__file__).parents[2] / "shared" / "inputs", Path(__file__).parents[3] / "shared" / "inputs"]


def shared_input(name: str) -> Path:
    """Return the path of a shared input; skip the test where it is absent."""
    folders = [Path(os.environ["WHYFRAME_INPUTS"])] if "WHYFRAME_INPUTS" in os.environ else _FOLDERS
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    pytest.skip(f"there is no {name} in the shared inputs (WHYFRAME_INPUTS)")
