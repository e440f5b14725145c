"""Docstrings are complete: what they describe exists, and every description is a phrase with capital and full stop."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import griffe
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "whyframe": "sdk",
    "whyframe_training": "training",
    "whyframe_export": "export",
    "whyframe_evaluation": "benchmarks",
}
OPTIONS = {"returns_multiple_items": False, "returns_named_value": False}
SYMBOL = re.compile(
    r"(bool|float\d+|uint8|steps|theta|ceil)\b|[a-z](_\w)?\b"
)  # of a shape, a type or an equation
DESCRIBED = {"parameters", "attributes", "returns", "yields", "raises"}


def objects(name: str) -> Iterator[griffe.Object]:
    """Yield the documented objects of a package."""
    package = griffe.load(
        name, search_paths=[str(ROOT / PACKAGES[name])], docstring_parser="google", docstring_options=OPTIONS
    )
    waiting: list[griffe.Object] = [package]
    while waiting:
        found = waiting.pop()
        if found.has_docstring:
            yield found
        waiting += [member for member in found.members.values() if not member.is_alias]


@pytest.mark.parametrize("name", PACKAGES)
def test_what_a_docstring_describes_exists(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "griffe"):
        for documented in objects(name):
            _ = documented.docstring.parsed
    assert [record.message for record in caplog.records] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_descriptions_are_complete_phrases(name: str) -> None:
    fragments = [
        f"{documented.path}: {getattr(item, 'name', None) or section.kind.value}: {item.description}"
        for documented in objects(name)
        for section in documented.docstring.parsed
        if section.kind.value in DESCRIBED
        for item in section.value
        if not is_phrase(item.description)
    ]
    assert fragments == []


def is_phrase(description: str) -> bool:
    """Return whether a description begins with a capital letter or a symbol, and ends with a full stop."""
    text = description.strip()
    begins = bool(text) and (not text[0].islower() or SYMBOL.match(text) is not None)
    return begins and text.rstrip("`)*")[-1] in ".:|"
