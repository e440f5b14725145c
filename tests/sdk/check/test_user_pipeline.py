from pathlib import Path

import cv2
import numpy as np
import pytest

from whyframe.check import pillow
from whyframe.check.answer import AnswerError
from whyframe.check.user_pipeline import PipelineError, load_pipeline

LABELS = ("a", "b")

CODE = """
from pathlib import Path
import helper_beside_it


def by_path(path):
    print("a message")
    return [0.25, 0.75] if isinstance(path, str) else 1 / 0


def by_image(x):
    return [0.25, x.convert("RGB").width / 32]


def by_pathlib(x):
    return [0.25, len(x.read_bytes()) > 0 and 0.75]


def annotated(x: "PIL.Image.Image"):
    return [0.25, 0.75] if hasattr(x, "convert") else [1, 0]


def named(image):
    return [0.25, 0.75] if hasattr(image, "convert") else [1, 0]


def annotated_path(image: Path):
    return [0.25, 0.75] if isinstance(image, Path) else [1, 0]


def wrong(path):
    raise KeyError("no\\nkey")


def leaves(path):
    raise SystemExit(3)


def logits(path):
    return [3.0, -2.0]


constant = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "helper_beside_it.py").write_text("")
    (tmp_path / "pipeline_of_a_test.py").write_text(CODE)
    return tmp_path / "pipeline_of_a_test.py"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "x.png"), np.zeros((8, 24, 3), np.uint8))
    return tmp_path / "x.png"


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("by_path", "path"),
        ("by_image", "PIL image"),
        ("by_pathlib", "pathlib.Path"),
        ("annotated", "PIL image"),
        ("named", "PIL image"),
        ("annotated_path", "pathlib.Path"),
    ],
)
def test_what_the_function_takes_is_found(file: Path, image: Path, name: str, takes: str) -> None:
    pipeline = load_pipeline(f"{file}:{name}", LABELS)
    np.testing.assert_allclose(pipeline(image), [0.25, 0.75])
    assert pipeline.takes == takes


def test_what_the_function_prints_does_not_mix_with_the_output(
    file: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_pipeline(f"{file}:by_path", LABELS)(image)
    assert capsys.readouterr() == ("", "a message\na message\n"), (
        "the first call finds what the function takes"
    )


@pytest.mark.parametrize(
    ("name", "message"), [("wrong", "KeyError: 'no\\nkey'"), ("leaves", "SystemExit: 3")]
)
def test_an_error_of_the_function_is_one_line(file: Path, image: Path, name: str, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(f"{file}:{name}", LABELS)(image)
    assert str(caught.value).startswith(f"pipeline_of_a_test.py:{name} failed on {image} (given as a path): ")
    assert message.replace("\n", "\\n") in str(caught.value)
    assert str(caught.value).endswith("; --verbose shows the traceback.")


def test_verbose_shows_the_traceback(file: Path, image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PipelineError, match="correct it"):
        load_pipeline(f"{file}:wrong", LABELS, verbose=True)(image)
    assert "in wrong" in capsys.readouterr().err


def test_a_wrong_answer_is_not_hidden_by_trying_another_argument(file: Path, image: Path) -> None:
    with pytest.raises(AnswerError, match="apply softmax"):
        load_pipeline(f"{file}:logits", LABELS)(image)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{file}", "--pipeline takes FILE.py:FUNCTION"),
        ("model.onnx:predict", "--pipeline takes FILE.py:FUNCTION"),
        ("missing.py:predict", "there is no file missing.py"),
        ("{file}:predict", "has no function predict"),
        ("{file}:constant", "has no function constant"),
        ("{broken}:predict", "cannot be imported: ZeroDivisionError: division by zero"),
        ("{syntax}:predict", "cannot be imported: SyntaxError"),
    ],
)
def test_a_pipeline_that_cannot_be_loaded_is_one_line(file: Path, text: str, message: str) -> None:
    broken, syntax = file.parent / "broken.py", file.parent / "syntax.py"
    broken.write_text("1 / 0")
    syntax.write_text("def (")
    with pytest.raises(PipelineError) as caught:
        load_pipeline(text.format(file=file, broken=broken, syntax=syntax), LABELS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pillow_only_paths_are_tried(
    file: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whyframe.check.user_pipeline.load_pillow", lambda: None)
    with pytest.raises(PipelineError, match="given as a path"):
        load_pipeline(f"{file}:by_image", LABELS)(image)
    assert pillow.load_pillow() is not None
