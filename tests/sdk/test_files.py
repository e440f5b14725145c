import json
import math
from pathlib import Path

import numpy as np
import pytest

from helpers.full_disk import full_disk
from whyframe.errors import OutputError
from whyframe.files import append_line, atomic_write, json_text


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.bin"
    atomic_write(path, b"first")
    assert atomic_write(str(path), b"second") == path
    assert path.read_bytes() == b"second"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_a_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    atomic_write(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"not a folder.*create it"):
        atomic_write(tmp_path / "absent" / "a.bin", b"")


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = atomic_write(tmp_path / "a.bin", b"old")

    def refuse(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="No space left"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_a_line_is_appended_or_nothing(tmp_path):
    path = tmp_path / "log.jsonl"
    with full_disk(150):
        append_line(path, "a" * 100)
        with pytest.raises(OutputError, match="No space left on device"):
            append_line(path, "b" * 100)
        with pytest.raises(OutputError, match="File too large"):
            atomic_write(path, b"c" * 200)
    assert path.read_text() == "a" * 100 + "\n"
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]


def test_json_has_no_number_that_is_not_finite():
    value = {"a": [math.nan, (1.5, math.inf)], "b": {"c": -math.inf}, "d": np.float64("nan"), "e": True}
    assert json.loads(json_text(value), parse_constant=pytest.fail) == {
        "a": [None, [1.5, None]],
        "b": {"c": None},
        "d": None,
        "e": True,
    }


def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path: Path):
    path = tmp_path / ("é" * 120 + ".json")
    assert atomic_write(path, b"1").read_bytes() == b"1"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_refused(name: str, tmp_path: Path):
    with pytest.raises(OutputError, match="cannot be written"):
        atomic_write(tmp_path / name, b"1")


def test_a_device_is_written_and_not_replaced():
    assert not atomic_write("/dev/null", b"1").is_file()
    with pytest.raises(OutputError, match="No space left"):
        atomic_write("/dev/full", b"1")


def test_a_link_stays_a_link(tmp_path: Path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    atomic_write(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"1"
