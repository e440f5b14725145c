import os

from whyframe.cores import usable_cores


def test_there_is_a_usable_core():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_without_affinity_all_cores_are_usable(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cores() == 6
