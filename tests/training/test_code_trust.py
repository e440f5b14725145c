import shutil
from pathlib import Path

import pytest

from helpers import tiny_run
from whyframe_training.classifiers.classifier import ClassifierSpec
from whyframe_training.code_trust import ORIGIN, UntrustedCode, announce_code, check_code, is_from_here
from whyframe_training.config import CONFIG


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHYFRAME_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def new_run(folder: Path, classifier: str) -> Path:
    folder.mkdir(parents=True)
    tiny_run.settings(ClassifierSpec(classifier)).save(folder / CONFIG)
    return folder


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "my_model.py"
    path.write_text("raise SystemExit('executed')")
    return path


@pytest.mark.parametrize("name", ["resnet50", "timm:resnet18", "hf:folder", "model.pt2", "a.onnx"])
def test_a_classifier_without_a_python_file_executes_none(name: str, tmp_path: Path) -> None:
    assert check_code(name, run=tmp_path) is None


def test_a_run_that_was_started_here_may_name_a_file_in_and_outside_its_folder(
    code: Path, tmp_path: Path
) -> None:
    run = new_run(tmp_path / "run", f"{code}:build")
    assert check_code(f"{code}:build", run=run) == code
    inside = run / "my_model.py"
    shutil.copy(code, inside)
    assert check_code(f"{inside}:build", run=run) == inside
    assert check_code(f"{inside}:build") == inside


@pytest.mark.parametrize("change", ["moved", "another machine", "edited", "no record", "forged record"])
def test_the_settings_of_a_run_from_elsewhere_are_refused(
    change: str, code: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path / "run", f"{code}:build")
    if change == "moved":
        run = run.rename(tmp_path / "moved")
    elif change == "another machine":
        monkeypatch.setenv("WHYFRAME_CACHE", str(tmp_path / "other"))
        new_run(tmp_path / "own", "resnet50")
    elif change == "edited":
        (run / CONFIG).write_text((run / CONFIG).read_text().replace("photos", "others"))
    elif change == "no record":
        (run / ORIGIN).unlink()
    else:
        (run / ORIGIN).write_text("0" * 64)
    with pytest.raises(
        UntrustedCode, match=r"my_model\.py would be executed for .*: read the file, then give --trust$"
    ):
        check_code(f"{code}:build", run=run)
    assert check_code(f"{code}:build", run=run, trust=True) == code


def test_a_file_in_a_run_folder_from_elsewhere_is_refused_whoever_names_it(
    code: Path, tmp_path: Path
) -> None:
    run = new_run(tmp_path / "run", "resnet50")
    (run / "code").mkdir()
    inside = Path(shutil.copy(code, run / "code"))
    (run / ORIGIN).write_text("")
    with pytest.raises(UntrustedCode):
        announce_code(f"{inside}:build")
    link = tmp_path / "link.py"
    link.symlink_to(inside)
    with pytest.raises(UntrustedCode):
        announce_code(f"{link}:build")


def test_the_file_is_printed_on_stderr(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    announce_code(f"{code}:build")
    assert capsys.readouterr().err == f"executing the Python file {code}\n"


def test_without_a_place_for_the_key_no_run_is_from_here(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHYFRAME_CACHE", str(code / "no folder"))
    run = new_run(tmp_path / "run", f"{code}:build")
    assert not is_from_here(run)


def test_the_key_is_for_its_user_only(code: Path, tmp_path: Path, cache: Path) -> None:
    new_run(tmp_path / "run", "resnet50")
    assert (cache / "run-key").stat().st_mode & 0o077 == 0
