import signal
import subprocess
import sys
from pathlib import Path

import pytest

from whyframe.errors import OutputError
from whyframe_training.config import RunError
from whyframe_training.folder_lock import HOLDER, FolderLock, locked_new_folder

HOLD = (
    "import sys, time; from pathlib import Path; from whyframe_training.folder_lock import FolderLock; "
    "lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
)


def holding_process(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_which_process_uses_the_folder_and_a_killed_one_leaves_no_lock(
    tmp_path: Path,
) -> None:
    process = holding_process(tmp_path)
    try:
        with pytest.raises(OutputError, match=f"is in use by process {process.pid} on "):
            FolderLock(tmp_path)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with FolderLock(tmp_path):
        pass
    assert not (tmp_path / HOLDER).exists()


def test_a_folder_is_free_after_release(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(OutputError, match="in use by process"):
        FolderLock(tmp_path)
    lock.release()
    lock.release()
    FolderLock(tmp_path).release()


def test_a_new_folder_is_removed_after_an_error_and_never_another_ones(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"

    def fail() -> None:
        raise RunError("no")

    with pytest.raises(RunError), locked_new_folder(folder):
        fail()
    assert not folder.exists()
    with locked_new_folder(folder) as lock, pytest.raises(OutputError, match="in use"):
        locked_new_folder(folder).__enter__()
    assert folder.exists()
    lock.release()
    with pytest.raises(RunError), locked_new_folder(folder):
        fail()
    assert folder.exists()
    FolderLock(folder).release()


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(RunError, match="cannot make the folder"), locked_new_folder(tmp_path / "a"):
        pass
