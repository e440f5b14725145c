from __future__ import annotations

import json

import pytest

from whyframe import installation
from whyframe.installation import Finding

OK = Finding("whyframe", "0.1.0")
MISSING = Finding("PyAV [video]", "not installed", "missing", "pip install 'whyframe[video]'")
BROKEN = Finding("GPU", "NVIDIA driver without a usable device", "broken", "nvidia-smi")


@pytest.fixture
def doctor(whyframe, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs `whyframe doctor` on an installation with the given findings."""

    def run(*flags: str, findings: list[Finding]):
        monkeypatch.setattr(installation, "inspect_installation", lambda: findings)
        return whyframe("doctor", *flags, model=None)

    return run


def test_each_component_has_a_line_and_its_fix_below(doctor) -> None:
    outcome = doctor(findings=[OK, MISSING])
    assert outcome.code == 0
    assert [line.split(maxsplit=1) for line in outcome.out.splitlines()] == [
        ["ok", "whyframe      0.1.0"],
        ["missing", "PyAV [video]  not installed"],
        ["pip", "install 'whyframe[video]'"],
    ]


def test_a_broken_component_exits_with_1(doctor) -> None:
    assert doctor(findings=[OK, BROKEN]).code == 1
    assert doctor("--json", findings=[OK, BROKEN]).code == 1


def test_json_has_every_field(doctor) -> None:
    _, missing = json.loads(doctor("--json", findings=[OK, MISSING]).out)
    assert missing == {
        "what": "PyAV [video]",
        "found": "not installed",
        "state": "missing",
        "fix": "pip install 'whyframe[video]'",
    }


def test_the_installation_of_this_machine_can_be_inspected(whyframe) -> None:
    outcome = whyframe("doctor", "--json", model=None)
    findings = json.loads(outcome.out)
    assert findings[0]["what"] == "whyframe"
    assert outcome.code == any(finding["state"] == "broken" for finding in findings)
