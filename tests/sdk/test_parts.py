from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whyframe.files import atomic_write
from whyframe.parts import Part, sweep_parts


def dead_pid() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("name", [".out.{}.part.mp4", ".out.{}.part", ".run.json.x8dk.{}.part"])
def test_parts_of_dead_processes_are_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / name.format(dead_pid())).write_bytes(b"half")
    folder = tmp_path / f".photos.{dead_pid()}.part"
    folder.mkdir()
    (folder / "0.png").write_bytes(b"half")
    sweep_parts(tmp_path)
    assert names(tmp_path) == []


def test_parts_of_living_processes_and_other_files_stay(tmp_path: Path) -> None:
    living = os.getppid()
    kept = [f".out.{living}.part.mp4", f"out.{dead_pid()}.part.mp4", ".out.part.mp4", ".out.x.part.mp4"]
    for name in kept:
        (tmp_path / name).write_bytes(b"")
    sweep_parts(tmp_path)
    assert names(tmp_path) == sorted(kept)


def test_a_locked_part_stays_although_its_process_is_not_visible(tmp_path: Path) -> None:
    """A process in another container has an id that means nothing here, but it holds the lock."""
    for folder in (False, True):
        part = Part(tmp_path / "out.mp4", folder=folder)
        hidden = tmp_path / f".other.{dead_pid()}.part"
        part.path.rename(hidden)
        sweep_parts(tmp_path)
        assert hidden.exists()
        part.close()
        sweep_parts(tmp_path)
        assert names(tmp_path) == []


def test_a_part_with_the_id_of_this_process_is_removed_where_it_is_older(tmp_path: Path) -> None:
    old, new = tmp_path / f".old.{os.getpid()}.part.mp4", tmp_path / f".new.{os.getpid()}.part.mp4"
    old.write_bytes(b"")
    new.write_bytes(b"")
    os.utime(old, (1, 1))
    sweep_parts(tmp_path)
    assert names(tmp_path) == [new.name]


def test_a_new_part_and_an_atomic_file_sweep_their_folder(tmp_path: Path) -> None:
    left = tmp_path / f".out.{dead_pid()}.part.mp4"
    left.write_bytes(b"")
    Part(tmp_path / "out.mp4").close()
    assert names(tmp_path) == []
    (tmp_path / "other").mkdir()
    left = tmp_path / "other" / left.name
    left.write_bytes(b"")
    atomic_write(tmp_path / "other" / "a.json", b"{}")
    assert names(tmp_path / "other") == ["a.json"]


def test_the_part_of_a_long_name_has_a_name_that_file_systems_take(tmp_path: Path) -> None:
    part = Part(tmp_path / ("ä" * 120 + ".mp4"))
    assert part.path.exists()
    part.close()
    assert names(tmp_path) == []
