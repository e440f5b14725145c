from pathlib import Path

import pytest

from whyframe.errors import OutputError
from whyframe.files import atomic_write


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
