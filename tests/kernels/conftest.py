from __future__ import annotations

import pytest

from helpers.compiled import Machine, device_machine, host_machine


@pytest.fixture(scope="session", params=["host", pytest.param("cuda", marks=pytest.mark.gpu)])
def machine(request: pytest.FixtureRequest) -> Machine:
    if request.param == "cuda":
        return device_machine()
    return host_machine(request.getfixturevalue("host_twins"))
